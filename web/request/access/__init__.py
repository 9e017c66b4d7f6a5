"""Access control: the only way from a request to an organisation's rows.

A page's request carries a cookie: `require` turns it into a `Viewer`, and `rows` opens the rows of the viewer's
organisation (only the viewer's own calls, if the role sees no others). A webhook carries Twilio's signature instead:
`by_number`, `by_member`, `by_call` and `by_room` find the organisation from Twilio's data, and refuse a request whose
signature was not verified. A program of an organisation's own shows a key: `client`, `of_client`. Events from media
come over NATS, where only media may publish them: `by_fact`. What was decided about a room is done after the request:
`of_room`. A process that has just started asks which calls go on: `conversations`. A sign-up has no organisation yet:
`found` creates it. Who has opened their link and has yet to show a second factor: `half`. Who comes from their
organisation's own identity provider: `coming_back`, `by_provider`. No other module of `web` imports the queries of
tenants' rows; a test checks it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db import addresses
from db.base import Role
from db.models import IdentityProvider, Member, Number, Organisation, StripeEvent, Subscription
from db.queries import audit, calls, conferences, members, numbers, organisations
from db.queries.answering_plans import AnsweringPlans
from db.queries.audit import Actor, AuditLog
from db.queries.billing import stripe_events, subscriptions
from db.queries.calls import Calls, Conversation
from db.queries.conferences import Conferences, Place
from db.queries.integrations import api_keys
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
from db.queries.organisations import ENTITLEMENTS, Entitlements, entitlements
from db.queries.phone import offers
from db.queries.phone.blocked_numbers import BlockedNumbers
from db.queries.phone.callers import Callers
from db.queries.phone.choices import Choices
from db.queries.phone.contacts import Contacts
from db.queries.phone.groups import Groups
from db.queries.phone.offers import Offers
from db.queries.phone.presence import Presences
from db.queries.phone.ringing_plans import RingingPlans
from db.queries.phone.wrap_ups import WrapUps
from db.queries.reports.counts import Reports
from db.queries.rights.closures import Closures
from db.queries.rights.erasures import Erasures
from db.queries.rights.exports import Exports
from db.queries.sign_in import identity_providers
from db.queries.sign_in.identity_providers import IdentityProviders, Journey
from db.queries.sign_in.second_factors import SecondFactors
from db.queries.sign_in.sign_in_links import SignIns
from db.queries.words.hearings import Hearings
from db.queries.words.phrase_rules import PhraseRuleRows
from provisioning.numbers.ordering import Ordering
from web.config import SETTINGS
from web.request import limits, session as request_session
from web.request.errors import ForbiddenError, NotFoundError, NotSignedInError
from web.resources import DATABASE

Permission = Literal[
    "console",  # watch live calls: one's own, or with calls.all everybody's
    "softphone",  # be rung, dial out
    "calls",  # the call log: one's own calls, or with calls.all everybody's
    "calls.all",
    "supervise",  # read, listen to, speak in and end others' calls, write to agents, switch absent ones off
    "callers",  # say whom not to call or transcribe, and whose calls are refused
    "words.stop",  # stop the words of a live call: one's own, or with calls.all anybody's
    "numbers",
    "team",
    "settings",
    "integrations",  # keys of the API, webhooks
    "audit",
    "billing",
    "data",  # export and erase what is stored, close the organisation
    "sign_in",  # how members sign in: who needs a second factor, the organisation's own provider
]

NextStep = Literal["none", "code", "set_up"]
"""After a link: nothing, a code of the second factor, or a second factor that is yet to be set up."""

_AGENT: frozenset[Permission] = frozenset({"console", "softphone", "calls", "words.stop"})
_SUPERVISOR: frozenset[Permission] = _AGENT | {"calls.all", "supervise", "callers"}
_ADMIN: frozenset[Permission] = _SUPERVISOR | {"numbers", "team", "settings", "integrations", "audit"}
_OWNER: frozenset[Permission] = _ADMIN | {"billing", "data", "sign_in"}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "agent": _AGENT,
    "supervisor": _SUPERVISOR,
    "admin": _ADMIN,
    "owner": _OWNER,
}
"""The permissions of each role, defined here only."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in member who makes the request, as read from the database for this request."""

    member_id: UUID
    organisation_id: UUID
    role: Role
    name: str
    organisation: str
    """The organisation's name."""
    available: bool
    """Whether calls may ring at the member's console."""
    entitlements: Entitlements = ENTITLEMENTS["active"]
    """What the organisation's subscription allows."""
    operates: bool = False
    """Whether they are an operator of the installation."""

    @property
    def may_watch(self) -> bool:
        """Whether the viewer may use the console: it depends on the role and the entitlements."""
        return self.role in self.entitlements.watchers

    def may(self, permission: Permission) -> bool:
        """Return whether the viewer's role has ``permission``."""
        return permission in PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Client:
    """A program of an organisation's own, by the key that it showed."""

    key_id: UUID
    organisation_id: UUID
    name: str
    """The key's."""
    scopes: frozenset[str]
    created_by: UUID
    """The member who made the key."""


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody who goes to their organisation's identity provider, or comes back from there."""

    organisation_id: UUID
    organisation: str
    """Its name."""
    provider: IdentityProvider
    nonce: str = ""
    verifier: str = ""


VIEWER: web.RequestKey[Viewer | None] = web.RequestKey("viewer")
"""The viewer, None if not signed in; absent until `current` has run."""
SIGNED_BY_TWILIO: web.RequestKey[bool] = web.RequestKey("signed_by_twilio")
"""True once `web.calls.twilio_request` has verified it; `by_number`, `by_member` and `by_call` need it."""


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

    async def lock(self) -> None:
        """Lock the organisation until the transaction ends, so that what is counted cannot change."""
        await organisations.locked(self.session, self.organisation.id)


async def current(request: web.Request) -> Viewer | None:
    """Return the viewer, None if not signed in. Read at every request: a removal or new role applies at once."""
    if VIEWER not in request:
        request[VIEWER] = await _look_up(request)
    return request[VIEWER]


async def require(request: web.Request, permission: Permission) -> Viewer:
    """Return the viewer, who has ``permission``. A request that changes something must carry the CSRF token.

    Raises `NotSignedInError` and `ForbiddenError`.
    """
    viewer = await current(request)
    sign_in = request_session.read(request)
    if viewer is None or sign_in is None:
        raise NotSignedInError
    if request.method not in _SAFE_METHODS:
        await request_session.check_csrf(request, sign_in)
    if not viewer.may(permission):
        raise ForbiddenError
    return viewer


async def require_again(request: web.Request, permission: Permission) -> None:
    """Make sure that the viewer of a request that goes on for minutes still is signed in and has ``permission``.

    Raises as `require` does.
    """
    viewer = request[VIEWER] = await _look_up(request)
    if viewer is None:
        raise NotSignedInError
    if not viewer.may(permission):
        raise ForbiddenError


@asynccontextmanager
async def rows(request: web.Request, viewer: Viewer) -> AsyncIterator[Rows]:
    """Open the rows that ``viewer`` may see. Raises `NotFoundError` if the organisation no longer exists."""
    only_agent_id = None if viewer.may("calls.all") else viewer.member_id
    async with request.app[DATABASE].begin() as session:
        yield await _rows(session, viewer.organisation_id, only_agent_id, _actor(request, viewer))


@asynccontextmanager
async def presence(request: web.Request, viewer: Viewer) -> AsyncIterator[Presences]:
    """Open nothing but the presence of the viewer's organisation, for one change that is sent every few seconds."""
    async with request.app[DATABASE].statements() as session:
        yield Presences(session, viewer.organisation_id)


async def found(
    request: web.Request, *, organisation: str, name: str, email: str, seats: int | None = None
) -> Member:
    """Create an organisation and return its owner, who has proved that ``email`` is theirs and wants ``seats``.

    Raises `db.queries.members.AddressTakenError`.
    """
    async with request.app[DATABASE].begin() as session:
        made = await organisations.create(session, name=organisation)
        made.seats_wanted = seats
        owner = await Members(session, made.id).add(email=email, name=name, role="owner")
        actor = Actor(name, owner.id, limits.network(request))
        await AuditLog(session, made.id, actor).record("organisation.founded")
        return owner


async def next_step(request: web.Request, member_id: UUID) -> NextStep:
    """Return what stands between a member who has opened their link and being signed in."""
    async with request.app[DATABASE].begin() as session:
        member = await members.by_id(session, member_id)
        if member is None:
            raise NotSignedInError
        if await SecondFactors(session, member.organisation_id).is_on(member_id):
            return "code"
        return "set_up" if must_have_factor(member.organisation, member.role) else "none"


def must_have_factor(organisation: Organisation, role: Role) -> bool:
    """Return whether whoever has ``role`` in ``organisation`` needs a second factor."""
    return organisation.second_factor_required and role in ("owner", "admin")


@asynccontextmanager
async def half(request: web.Request) -> AsyncIterator[tuple[Rows, Member]]:
    """Open the rows of who has opened their link and has yet to show a second factor. Raises `NotSignedInError`."""
    sign_in = request_session.read_half(request)
    if sign_in is None:
        raise NotSignedInError
    async with request.app[DATABASE].begin() as session:
        member = await members.signed_in(session, sign_in.member_id, sign_in.id, sign_in.began_at)
        if member is None:
            raise NotSignedInError
        actor = Actor(member.name or member.role, member.id, limits.network(request))
        yield await _rows(session, member.organisation_id, member.id, actor), member


async def provider_of(request: web.Request, organisation_id: UUID) -> Coming | None:
    """Return the identity provider at which an organisation's members sign in, None if it has none."""
    async with request.app[DATABASE].begin() as session:
        return await _provider(session, organisation_id)


async def going(request: web.Request, organisation_id: UUID) -> Journey:
    """Store that somebody goes to the organisation's provider; return what they take along."""
    async with request.app[DATABASE].begin() as session:
        return await IdentityProviders(session, organisation_id).begin()


async def coming_back(request: web.Request, state: str) -> Coming | None:
    """Return who comes back with ``state``, which counts once; None if nobody went with it, or too long ago."""
    async with request.app[DATABASE].begin() as session:
        went = await identity_providers.take(session, state)
        found = None if went is None else await _provider(session, went.organisation_id)
        return None if went is None or found is None else replace(found, nonce=went.nonce, verifier=went.verifier)


@asynccontextmanager
async def by_provider(request: web.Request, coming: Coming) -> AsyncIterator[Rows]:
    """Open the rows of the organisation whose provider vouches for somebody. Raises `NotFoundError`."""
    actor = Actor("Single sign-on", network=limits.network(request))
    async with request.app[DATABASE].begin() as session:
        yield await _rows(session, coming.organisation_id, actor=actor)


async def must_use_provider(request: web.Request, member: Member) -> bool:
    """Return whether a mailed link does not sign that member in, but their organisation's provider alone."""
    async with request.app[DATABASE].begin() as session:
        return await identity_providers.binds(session, member)


async def arrived(request: web.Request, member_id: UUID, by: str = "") -> None:
    """Record in the audit log that the member has signed in; ``by``: other than by a link."""
    async with request.app[DATABASE].begin() as session:
        member = await members.by_id(session, member_id)
        if member is not None:
            actor = Actor(member.name or member.role, member.id, limits.network(request))
            await AuditLog(session, member.organisation_id, actor).record(
                "member.signed_in", {"by": by} if by else None
            )


async def declined(request: web.Request, member: Member) -> None:
    """Remove an invited member who declined by their link."""
    async with request.app[DATABASE].begin() as session:
        actor = Actor(member.name or member.role, member.id, limits.network(request))
        await Members(session, member.organisation_id).remove(member.id)
        details = {"member": member.name, "role": member.role}
        await AuditLog(session, member.organisation_id, actor).record("member.declined", details)


@asynccontextmanager
async def of_organisation(request: web.Request, viewer: Viewer) -> AsyncIterator[Rows]:
    """Open all rows of the organisation, for decisions only, never for display. Raises `NotFoundError`."""
    async with request.app[DATABASE].begin() as session:
        yield await _rows(session, viewer.organisation_id, actor=_actor(request, viewer))


async def client(request: web.Request, token: str) -> Client | None:
    """Return whose key ``token`` is; None for one that is unknown, revoked or expired."""
    async with request.app[DATABASE].begin() as session:
        key = await api_keys.by_token(session, token)
    return (
        None if key is None else Client(key.id, key.organisation_id, key.name, frozenset(key.scopes), key.created_by)
    )


@asynccontextmanager
async def of_client(request: web.Request, client: Client) -> AsyncIterator[Rows]:
    """Open the rows of a program's organisation. Raises `NotFoundError` if it no longer exists."""
    actor = Actor(f"API key {client.name}", network=limits.network(request))
    async with request.app[DATABASE].begin() as session:
        yield await _rows(session, client.organisation_id, actor=actor)


@asynccontextmanager
async def by_number(request: web.Request, e164: str) -> AsyncIterator[tuple[Rows, Number]]:
    """For Twilio: open the rows of the organisation that rents ``e164``. Raises `NotFoundError` if none does."""
    async with _for_twilio(request) as session:
        number = await numbers.by_e164(session, e164)
        if number is None:
            raise NotFoundError
        yield await _rows(session, number.organisation_id), number


@asynccontextmanager
async def by_member(request: web.Request, member_id: UUID) -> AsyncIterator[tuple[Rows, Member]]:
    """For Twilio: open the rows of the calling member's organisation. Raises `NotFoundError` if there is none."""
    async with _for_twilio(request) as session:
        member = await members.by_id(session, member_id)
        if member is None:
            raise NotFoundError
        yield await _rows(session, member.organisation_id), member


@asynccontextmanager
async def by_call(request: web.Request, call_sid: str) -> AsyncIterator[Rows]:
    """For Twilio: open the rows of the call's organisation. Raises `NotFoundError` for an unknown call."""
    async with _for_twilio(request) as session:
        organisation_id = await calls.organisation_of(session, call_sid)
        if organisation_id is None:
            raise NotFoundError
        yield await _rows(session, organisation_id)


@asynccontextmanager
async def by_room(request: web.Request, call_id: UUID) -> AsyncIterator[Rows]:
    """For Twilio: open the rows of the organisation whose call has that room. Raises `NotFoundError` if none has."""
    async with _for_twilio(request) as session:
        organisation_id = await conferences.organisation_of(session, call_id)
        if organisation_id is None:
            raise NotFoundError
        yield await _rows(session, organisation_id)


@asynccontextmanager
async def of_room(app: web.Application, place: Place) -> AsyncIterator[Rows]:
    """For what a room needs after it has changed, or when its time has come: open its organisation's rows.

    Raises `NotFoundError`.
    """
    async with app[DATABASE].begin() as session:
        yield await _rows(session, place.organisation_id)


async def rooms_due(app: web.Application, *, now: datetime, until: datetime, most: int) -> Sequence[Place]:
    """Return rooms of all organisations that must be looked at; no other process gets them before ``until``."""
    async with app[DATABASE].behind(), app[DATABASE].statements() as session:
        return await conferences.take_due(session, now=now, until=until, most=most)


@asynccontextmanager
async def by_fact(app: web.Application, organisation_id: UUID) -> AsyncIterator[Rows]:
    """For what media or the database tells of that organisation: open its rows. Raises `NotFoundError`."""
    async with app[DATABASE].behind(), app[DATABASE].begin() as session:
        yield await _rows(session, organisation_id)


async def with_calls(app: web.Application) -> Sequence[UUID]:
    """Return the organisations that have calls going on in rooms, or something that rings."""
    async with app[DATABASE].behind(), app[DATABASE].statements() as session:
        return await offers.organisations(session)


async def conversations(
    app: web.Application, *, since: datetime, before: datetime, most: int
) -> Sequence[Conversation]:
    """Return the calls of all organisations whose streams `web.calls.streams.recovery` has to look for."""
    async with app[DATABASE].begin() as session:
        return await calls.conversations(session, since=since, before=before, most=most)


@asynccontextmanager
async def _for_twilio(request: web.Request) -> AsyncIterator[AsyncSession]:
    if not request.get(SIGNED_BY_TWILIO, False):
        raise ForbiddenError("Not signed by Twilio.")
    async with request.app[DATABASE].begin() as session:
        yield session


async def _rows(
    session: AsyncSession, organisation_id: UUID, only_agent_id: UUID | None = None, actor: Actor = audit.TWILIO
) -> Rows:
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


async def _provider(session: AsyncSession, organisation_id: UUID) -> Coming | None:
    provider = await identity_providers.of(session, organisation_id)
    organisation = await organisations.find(session, organisation_id)
    if provider is None or organisation is None:
        return None
    return Coming(organisation_id, organisation.name, provider)


def _actor(request: web.Request, viewer: Viewer) -> Actor:
    return Actor(viewer.name or viewer.role, viewer.member_id, limits.network(request))


async def _look_up(request: web.Request) -> Viewer | None:
    sign_in = request_session.read(request)
    if sign_in is None:
        return None
    async with request.app[DATABASE].statements() as session:
        member = await members.signed_in(session, sign_in.member_id, sign_in.id, sign_in.began_at)
    return None if member is None else _viewer(member, request.app[SETTINGS].operator_emails)


def _viewer(member: Member, operators: Collection[str]) -> Viewer:
    return Viewer(
        member_id=member.id,
        organisation_id=member.organisation_id,
        role=member.role,
        name=member.name,
        organisation=member.organisation.name,
        available=member.available,
        entitlements=entitlements(member.organisation),
        operates=bool(operators) and addresses.key(member.email) in operators,
    )
