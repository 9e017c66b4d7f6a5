"""An organisation whose lists all have something in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from db import recount
from db.engine import Database
from db.models import Call, UnsaidPhrase
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contacts import Contacts
from db.queries.phone.choices import Choices
from db.queries.phone.groups import Groups
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.messages import PhraseReport
from protocol.phrases import PhraseRule
from tests.kit.integrations.program import issue
from tests.kit.web.cast import Cast
from web.organisation.phone_form import LISTS

FOUND = UUID(int=1)
"""A call in a log that is not empty."""


async def fill(database: Database, cast: Cast) -> None:
    """Calls of every outcome in the log, what fired in one of them, and something in every list of the phone."""
    async with database.begin() as session:
        groups = Groups(session, cast.a.id)
        await groups.change(await groups.add("Bookings"), "Bookings", [cast.bob.id, cast.dana.id])
        await groups.add("Accounts")
        await Contacts(session, cast.a.id).keep({"+61412345678": "Mia Moore", "+61293744000": "Noah North"})
        await BlockedNumbers(session, cast.a.id).add("+61491570156", cast.bob.id)
        for kind in LISTS:
            await Choices(session, cast.a.id).set(kind, ["One", "Another"])
    await issue(database, cast.alice, lasts=timedelta(days=1))
    began = datetime.now(UTC) - timedelta(hours=1)
    facts = [("answered", "+61491570156"), ("missed", ""), ("failed", "Restricted"), (None, "client:x")]
    async with database.begin() as session:
        for number, (outcome, caller) in enumerate(facts):
            session.add(
                Call(
                    id=UUID(int=number + 1),
                    organisation_id=cast.a.id,
                    call_sid=f"CA{number:032x}",
                    direction="inbound",
                    from_number=caller,
                    to_number=cast.number.e164,
                    number_id=cast.number.id,
                    agent_id=cast.bob.id,
                    status="completed" if outcome else "in-progress",
                    outcome=outcome,
                    started_at=began,
                )
            )
        rules = PhraseRuleRows(session, cast.a.id)
        for name, must_say in (("Leaving " * 7, False), ("Recording disclosed", True)):
            rule = await rules.save(PhraseRule("", name, ("goodbye " * 12,), must_say=must_say), is_on=must_say)
            await rules.note_hit(f"CA{0:032x}", PhraseReport(rule.id, "agent", round(began.timestamp() * 1000)))
        unsaid = await rules.save(PhraseRule("", "Greeted by name", ("hello",), must_say=True), is_on=True)
        session.add(UnsaidPhrase(call_id=FOUND, rule_id=UUID(unsaid.id), organisation_id=cast.a.id))
    await recount.settle(database)
