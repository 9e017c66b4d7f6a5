"""Whoever has a second factor is told what became of it, a member and an operator, unless they have left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import get_args
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from db.engine import Database
from db.models import Mail
from db.queries.members import Members
from db.queries.operators import accounts
from provisioning.mail import factors, queue
from provisioning.mail.queue import FactorChange, Kind
from provisioning.mail.sender import MailSender
from provisioning.mail.smtp import Mailer
from sandbox.mail import Mailbox
from tests.kit.integrations.operator import EMAIL, enrolled
from tests.kit.web.cast import Cast

URL = "https://bilby.example"
Outbox = tuple[Mailbox, int]
ALL: tuple[FactorChange, ...] = get_args(FactorChange)


@pytest.fixture
def post(outbox: Outbox) -> MailSender:
    return MailSender(Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@bilby.example>"), URL, factors.WRITERS)


async def _send(database: Database, post: MailSender, kind: Kind, facts: Mapping[str, str]) -> None:
    async with database.begin() as session:
        await queue.put(session, kind, facts)
    async with database.begin() as session:
        payload = await session.scalar(text("SELECT payload FROM pgqueuer ORDER BY id DESC LIMIT 1"))
    await post.send(database, json.loads(payload))
    async with database.begin() as session:
        assert await session.scalar(select(func.count()).select_from(Mail)) == 0


async def _olga(database: Database) -> UUID:
    await enrolled(database)
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
    assert operator is not None
    return operator.id


async def test_a_member_is_told_of_every_change(
    database: Database, cast: Cast, post: MailSender, outbox: Outbox
) -> None:
    who = {"organisation": str(cast.a.id), "member": str(cast.alice.id), "by": "Bob Brown"}
    for what in ALL:
        await _send(database, post, "second_factor", who | {"what": what})
    assert [each.links for each in outbox[0].letters] == [[f"{URL}/account/second-factor"]] * len(ALL)
    assert len({each.text for each in outbox[0].letters}) == len(ALL)


async def test_an_operator_is_told_of_every_change(database: Database, post: MailSender, outbox: Outbox) -> None:
    who = {"operator": str(await _olga(database))}
    changes = [(what, "account") for what in ALL if what != "off"] + [("reset", "server")]
    for what, by in changes:
        await _send(database, post, "operator_factor", who | {"what": what, "by": by})
    assert {each.recipients for each in outbox[0].letters} == {(EMAIL,)}
    assert [each.links for each in outbox[0].letters] == [[f"{URL}/operator/account"]] * len(changes)
    assert len({each.text for each in outbox[0].letters}) == len(changes)


async def test_who_has_left_is_told_nothing(database: Database, cast: Cast, post: MailSender, outbox: Outbox) -> None:
    olga = await _olga(database)
    async with database.begin() as session:
        operator = await accounts.by_id(session, olga)
        assert operator is not None
        await accounts.remove(session, operator)
        await Members(session, cast.a.id).remove(cast.bob.id)
    member = {"organisation": str(cast.a.id), "member": str(cast.bob.id)}
    await _send(database, post, "second_factor", member | {"what": "reset", "by": "Alice"})
    await _send(database, post, "operator_factor", {"operator": str(olga), "what": "reset", "by": "server"})
    assert not outbox[0].letters
