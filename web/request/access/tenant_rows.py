"""The rows of one organisation, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Organisation, StripeEvent, Subscription
from db.queries import audit, numbers, organisations, rate_limits
from db.queries.answering_plans import AnsweringPlans
from db.queries.audit import Actor, AuditLog
from db.queries.billing import stripe_events, subscriptions
from db.queries.calls import Calls
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import People
from db.queries.integrations.api_keys import ApiKeys
from db.queries.integrations.call_list import CallList
from db.queries.integrations.kept_answers import KeptAnswers
from db.queries.integrations.webhooks import Webhooks
from db.queries.log.call_log import CallLog
from db.queries.log.call_moments import CallMoments
from db.queries.members import Members
from db.queries.missed_calls import MissedCalls
from db.queries.number_orders import NumberOrders
from db.queries.numbers import Numbers
from db.queries.phone.callers import Callers
from db.queries.phone.choices import Choices
from db.queries.phone.conferences import Conferences
from db.queries.phone.groups import Groups
from db.queries.phone.offers import Offers
from db.queries.phone.presence import Presences
from db.queries.phone.ringing_plans import RingingPlans
from db.queries.phone.wrap_ups import WrapUps
from db.queries.rate_limits import Limit
from db.queries.reports.counts import Reports
from db.queries.rights.closures import Closures
from db.queries.rights.erasures import Erasures
from db.queries.rights.exports import Exports
from db.queries.sign_in.identity_providers import IdentityProviders
from db.queries.sign_in.second_factors import SecondFactors
from db.queries.sign_in.sign_in_links import SignIns
from db.queries.words.hearings import Hearings
from db.queries.words.phrase_rules import PhraseRuleRows
from provisioning.numbers.ordering import Ordering
from web.request.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one organisation, in one transaction that ends with the ``async with`` it came from."""

    organisation: Organisation
    members: Members
    sign_ins: SignIns
    factors: SecondFactors
    providers: IdentityProviders
    numbers: Numbers
    calls: Calls
    log: CallLog
    reports: Reports
    moments: CallMoments
    conferences: Conferences
    missed: MissedCalls
    """Everybody's, whatever the viewer's role: whoever may call may call them back."""
    answering: AnsweringPlans
    plans: RingingPlans
    groups: Groups
    presence: Presences
    offers: Offers
    callers: Callers
    wrap_ups: WrapUps
    choices: Choices
    contacts: Contacts
    people: People
    contact_notes: ContactNotes
    blocked: BlockedNumbers
    phrases: PhraseRuleRows
    hearings: Hearings
    orders: NumberOrders
    ordering: Ordering
    api_keys: ApiKeys
    call_list: CallList
    kept_answers: KeptAnswers
    webhooks: Webhooks
    exports: Exports
    erasures: Erasures
    closures: Closures
    audit: AuditLog
    """Records entries in the name of the viewer."""
    session: AsyncSession
    """Only for functions of `provisioning`, which take the organisation's id as well."""

    async def subscription(self) -> Subscription | None:
        """Return the subscription, None if the organisation never went to checkout."""
        return await subscriptions.of(self.session, self.organisation.id)

    async def failed_events(self) -> Sequence[StripeEvent]:
        """Return the organisation's Stripe events that could not be processed yet."""
        return await stripe_events.failed(self.session, self.organisation.id)

    async def is_answered_here(self, e164: str) -> bool:
        """Return whether calls to that number come to this installation, whoever rents it."""
        return await numbers.by_e164(self.session, e164) is not None

    async def hit(self, limit: Limit) -> float | None:
        """Count one request of the organisation's. Return the seconds to wait, None if it is within the limit."""
        return await rate_limits.hit(self.session, limit, str(self.organisation.id))

    async def lock(self) -> None:
        """Lock the organisation until the transaction ends, so that what is counted cannot change."""
        await organisations.locked(self.session, self.organisation.id)


async def open_rows(
    session: AsyncSession, organisation_id: UUID, only_agent_id: UUID | None = None, actor: Actor = audit.TWILIO
) -> Rows:
    """Return the organisation's rows; calls and their log only of ``only_agent_id``. Raise `NotFoundError`."""
    organisation = await organisations.find(session, organisation_id)
    if organisation is None:
        raise NotFoundError
    return Rows(
        organisation,
        Members(session, organisation_id),
        SignIns(session, organisation_id),
        SecondFactors(session, organisation_id),
        IdentityProviders(session, organisation_id),
        Numbers(session, organisation_id),
        Calls(session, organisation_id, only_agent_id=only_agent_id),
        CallLog(session, organisation_id, only_agent_id=only_agent_id),
        Reports(session, organisation_id),
        CallMoments(session, organisation_id),
        Conferences(session, organisation_id),
        MissedCalls(session, organisation_id),
        AnsweringPlans(session, organisation_id),
        RingingPlans(session, organisation_id),
        Groups(session, organisation_id),
        Presences(session, organisation_id),
        Offers(session, organisation_id),
        Callers(session, organisation_id),
        WrapUps(session, organisation_id),
        Choices(session, organisation_id),
        Contacts(session, organisation_id),
        People(session, organisation_id),
        ContactNotes(session, organisation_id),
        BlockedNumbers(session, organisation_id),
        PhraseRuleRows(session, organisation_id),
        Hearings(session, organisation_id),
        NumberOrders(session, organisation_id),
        Ordering(session, organisation_id),
        ApiKeys(session, organisation_id),
        CallList(session, organisation_id),
        KeptAnswers(session, organisation_id),
        Webhooks(session, organisation_id),
        Exports(session, organisation_id),
        Erasures(session, organisation_id),
        Closures(session, organisation_id),
        AuditLog(session, organisation_id, actor),
        session,
    )
