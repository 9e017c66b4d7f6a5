"""Close an organisation: end what it pays for, release its numbers, then erase every row of it.

    waiting      until its day comes; it can be taken back
    ending       nothing works for it any more; its subscription ends at Stripe, which forgets its cards
    releasing    its numbers go back to Twilio, by the orders that brought them; then what was filed for them there
    erasing      its rows go, in batches; at last the organisation itself, and a receipt stays

Each state is written down before anything is done in it, and everything that is done may be done twice. So a process
may be killed anywhere: whoever takes the job next goes on from that state. Nothing is asked of Stripe or Twilio in a
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import ClosureState
from db.engine import Database
from db.models import AuditEntry, Call, Closure
from db.queries import audit, organisations
from db.queries.billing import subscriptions
from db.queries.integrations.api_keys import ApiKeys
from db.queries.integrations.webhooks import Webhooks, switch_off
from db.queries.members import Members
from db.queries.rights import closures, erasures
from provisioning.billing.notices import day, owners
from provisioning.billing.release import orders_of
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.mail import queue
from provisioning.mail.names import salutation
from provisioning.mail.queue import ClosingKind
from provisioning.mail.sender import Asked, Letter, Write
from provisioning.numbers import bundles
from provisioning.numbers.orders import cancel
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.twilio.bundles_api import BundlesApi
from provisioning.twilio.numbers_api import TwilioError
from provisioning.worker import JobHandler

CLOSE = "close_organisation"
TELL = "tell_standing"
BEFORE = timedelta(days=1)  # the last mail while it can be taken back
BATCH = 2000  # rows of a transaction
_LATER = timedelta(minutes=5)  # Stripe or Twilio refuses, or does not answer
_SOON = timedelta(seconds=2)  # Twilio is being asked
_REASON = "It is being closed at its owner's request."
_ENDED = ("canceled", "incomplete_expired")

SUBJECTS: Mapping[ClosingKind, str] = {
    "closing": "Your organisation on Bilby will be closed",
    "closing_tomorrow": "Your organisation on Bilby will be closed tomorrow",
    "closing_stopped": "Your organisation on Bilby stays open",
    "closed": "Your organisation on Bilby is closed",
}

_log = structlog.get_logger(__name__)


# -- the job -----------------------------------------------------------------------------------------------------


async def sweep(database: Database) -> None:
    """Sweep: go on with what is due, and remind owners of what begins tomorrow."""
    async with database.begin() as session:
        for closure in await closures.remind(session, BEFORE):
            await tell(session, closure.organisation_id, "closing_tomorrow", closure)
        for organisation_id in await closures.due(session):
            await enqueue(session, CLOSE, {"organisation": str(organisation_id)}, key=str(organisation_id))


@dataclass(frozen=True, slots=True)
class ClosingJob:
    """Close organisations in the worker. Without ``stripe`` nobody has a subscription there.

    Without ``filing`` nobody has filed anything at Twilio.
    """

    stripe: StripeApi | None
    filing: BundlesApi | None = None
    tell_entitlements: Callable[[UUID], None] = lambda _: None
    """Called when nothing works any more, after the commit: consoles close. Must not raise."""
    batch: int = BATCH

    def jobs(self) -> Mapping[str, JobHandler]:
        """Return the job handlers by name."""
        return {CLOSE: self.close, TELL: self.tell}

    async def tell(self, _: Database, payload: Payload) -> None:
        """Job: say that an organisation was suspended or works again, so that its consoles close or open."""
        self.tell_entitlements(UUID(payload["organisation"]))

    async def close(self, database: Database, payload: Payload) -> None:
        """Job: do what is left to do, from the state that is written down."""
        organisation_id = UUID(payload["organisation"])
        async with database.try_lock(f"closing {organisation_id}") as locked:
            if not locked:
                raise TryAgain(_SOON)
            while (state := await _state(database, organisation_id)) is not None:
                if not await self._advance(database, organisation_id, state):
                    return

    async def _advance(self, database: Database, organisation_id: UUID, state: ClosureState) -> bool:
        """Do what ``state`` asks for. Return False if its day has not come."""
        match state:
            case "waiting":
                return await self._begin(database, organisation_id)
            case "ending":
                await self._end(database, organisation_id)
            case "releasing":
                await self._release(database, organisation_id)
            case "erasing":
                await self._erase(database, organisation_id)
        return True

    async def _begin(self, database: Database, organisation_id: UUID) -> bool:
        async with database.begin() as session:
            if not await closures.move(session, organisation_id, "waiting", "ending"):
                return False
            await _shut(session, organisation_id)
        self.tell_entitlements(organisation_id)
        return True

    async def _end(self, database: Database, organisation_id: UUID) -> None:
        async with database.begin() as session:
            row = await subscriptions.of(session, organisation_id)
        customer = None if row is None else row.stripe_customer_id
        if self.stripe is not None and customer is not None:
            await _end_at_stripe(self.stripe, organisation_id, customer)
        async with database.begin() as session:
            await closures.move(session, organisation_id, "ending", "releasing")

    async def _release(self, database: Database, organisation_id: UUID) -> None:
        """Have every number released, and go on once none is left. Raise `TryAgain` until then."""
        async with database.begin() as session:
            for order in await orders_of(session, organisation_id):
                await cancel(session, order)
            holds_numbers = await closures.holds_numbers(session, organisation_id)
        if holds_numbers:
            raise TryAgain(_SOON)
        if self.filing is not None:
            await _forget_filing(self.filing, database, organisation_id)
        async with database.begin() as session:
            await closures.move(session, organisation_id, "releasing", "erasing")
            await closures.remove_members(session, organisation_id)

    async def _erase(self, database: Database, organisation_id: UUID) -> None:
        calls, entries = await _counts(database, organisation_id)
        await _in_batches(database, partial(erasures.erase_calls, organisation_id=organisation_id, most=self.batch))
        async with database.begin() as session:
            await erasures.erase_rows(session, organisation_id)
        await _in_batches(database, partial(erasures.erase_audit, organisation_id=organisation_id, most=self.batch))
        receipt = uuid4()
        try:
            async with database.begin() as session:
                await _say_farewell(session, organisation_id, receipt)
                await erasures.finish(session, organisation_id, receipt, calls, entries)
        except IntegrityError:  # a late callback has written a row meanwhile
            raise TryAgain(_SOON) from None
        _log.info("organisation erased", receipt=str(receipt), calls=calls)


async def _state(database: Database, organisation_id: UUID) -> ClosureState | None:
    async with database.begin() as session:
        closure = await closures.of(session, organisation_id)
    return None if closure is None else closure.state


async def _shut(session: AsyncSession, organisation_id: UUID) -> None:
    """Let nothing work for the organisation any more: calls, consoles, keys, webhooks."""
    organisation = await organisations.locked(session, organisation_id)
    assert organisation is not None, "its closing refers to it"
    await organisations.suspend(session, organisation, _REASON)
    keys, webhooks = ApiKeys(session, organisation_id), Webhooks(session, organisation_id)
    for key in await keys.all():
        await keys.revoke(key.id)
    now = await session.scalar(select(func.now()))
    for endpoint in await webhooks.all():
        if endpoint.off_at is None and now is not None:
            await switch_off(session, endpoint, "member", now)
    await audit.record(session, organisation_id, "organisation.closing")


async def _end_at_stripe(stripe: StripeApi, organisation_id: UUID, customer: str) -> None:
    try:
        for one in await stripe.subscriptions(customer):
            if one.status not in _ENDED:
                await stripe.cancel(one)
        await stripe.forget_payment_methods(customer)
    except StripeError as error:
        if error.is_customer_gone:
            return
        _log.warning("closing postponed: stripe refused", organisation=str(organisation_id), code=error.code)
        raise TryAgain(_LATER) from None


async def _forget_filing(filing: BundlesApi, database: Database, organisation_id: UUID) -> None:
    try:
        await bundles.forget(filing, database, organisation_id)
    except TwilioError as error:
        _log.warning("closing postponed: twilio refused", organisation=str(organisation_id), code=error.code)
        raise TryAgain(_LATER) from None


async def _in_batches(database: Database, erase: Callable[..., object]) -> None:
    while True:
        async with database.begin() as session:
            gone = await erase(session)  # type: ignore[misc]
        if not gone:
            return


async def _counts(database: Database, organisation_id: UUID) -> tuple[int, int]:
    async with database.begin() as session:
        calls = select(func.count()).select_from(Call).where(Call.organisation_id == organisation_id)
        entries = select(func.count()).select_from(AuditEntry).where(AuditEntry.organisation_id == organisation_id)
        return await session.scalar(calls) or 0, await session.scalar(entries) or 0


# -- the mails ---------------------------------------------------------------------------------------------------


async def tell(session: AsyncSession, organisation_id: UUID, kind: ClosingKind, closure: Closure | None) -> None:
    """Ask for a mail of ``kind`` to each owner."""
    organisation = await organisations.find(session, organisation_id)
    assert organisation is not None, "somebody asked in its name"
    due = "" if closure is None else day(closure.due_at, organisation.time_zone)
    for owner in owners(await Members(session, organisation_id).all()):
        if owner.accepted_at is not None:
            facts = {"email": owner.email, "name": owner.name, "organisation": organisation.name, "day": due}
            await queue.put(session, kind, facts)


async def _say_farewell(session: AsyncSession, organisation_id: UUID, receipt: UUID) -> None:
    organisation = await organisations.find(session, organisation_id)
    name = "" if organisation is None else organisation.name
    for owner in await closures.owners(session, organisation_id):
        facts = {"email": owner.email, "name": owner.name, "organisation": name, "receipt": str(receipt)}
        await queue.put(session, "closed", facts)


async def letter(_: AsyncSession, asked: Asked, kind: ClosingKind) -> Letter:
    """Write it from what was noted when it was asked for: by the time it is sent the organisation may be gone."""
    facts = asked.facts
    context = {
        "name": salutation(facts["name"], facts["email"]),
        "organisation": facts["organisation"],
        "day": facts.get("day", ""),
        "receipt": facts.get("receipt", ""),
        "url": f"{asked.public_url}/settings/data",
    }
    return Letter(facts["email"], SUBJECTS[kind], kind, context)


WRITERS: Mapping[str, Write] = {kind: partial(letter, kind=kind) for kind in SUBJECTS}
