"""Owners are told of money and numbers in time: each once for each occasion, and not forgotten when mail is away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import text

from db.engine import Database
from db.models import Subscription
from db.queries import organisations
from db.queries.members import Members
from provisioning.billing import notices
from provisioning.billing.notices import SUBJECTS, due
from provisioning.mail.queue import NoticeKind
from provisioning.mail.sender import MailSender
from provisioning.mail.smtp import Mailer
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
URL = "https://bilby.example"


async def _send_all(database: Database, post: MailSender) -> int:
    """Do every job that waits, as a worker does; how many there were."""
    async with database.begin() as session:
        rows = await session.execute(text("DELETE FROM pgqueuer WHERE entrypoint = 'send_mail' RETURNING payload"))
        payloads = list(rows.scalars())
    for payload in payloads:
        await post.send(database, json.loads(payload))
    return len(payloads)


async def _tell(database: Database, cast: Cast, kind: NoticeKind = "past_due", about: str = "sub_1") -> bool:
    async with database.begin() as session:
        return await notices.tell(session, cast.a.id, kind, about)


@pytest.fixture
def post(outbox: tuple[Mailbox, int]) -> MailSender:
    return MailSender(Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@bilby.example>"), URL, notices.WRITERS)


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        (14, None),
        (3.01, None),
        (3, "soon"),
        (1.5, "soon"),
        (1, "tomorrow"),
        (0.01, "tomorrow"),
        (0, None),
        (-2, None),
    ],
)
def test_which_mail_the_day_asks_for(days: float, kind: NoticeKind | None) -> None:
    assert due(NOW + timedelta(days=days), NOW) == kind


@given(st.integers(0, 30 * 24))
def test_who_looks_every_hour_misses_no_mail(start: int) -> None:
    """However long the grace, and whenever it begins: those that are due at all are told, in this order."""
    release = NOW + timedelta(hours=start, minutes=20)
    told = [kind for hour in range(start + 1) if (kind := due(release, NOW + timedelta(hours=hour)))]
    assert list(dict.fromkeys(told)) == (["soon"] if start >= 24 else []) + ["tomorrow"]


async def test_each_occasion_is_told_once(database: Database, cast: Cast, post: MailSender) -> None:
    assert [await _tell(database, cast) for _ in range(3)] == [True, False, False]
    assert await _tell(database, cast, about="sub_2")
    assert await _send_all(database, post) == 2


async def test_every_owner_and_nobody_else_is_written_to(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    async with database.begin() as session:
        team = Members(session, cast.a.id)
        await team.add(email="olga@acacia.example", name="", role="owner")
        await team.add(email="ada@acacia.example", name="Ada", role="admin")
    await _tell(database, cast)
    await _send_all(database, post)
    told = sorted(letter.recipients for letter in outbox[0].letters)
    assert told == [("alice@acacia.example",), ("olga@acacia.example",)]


async def test_who_has_left_meanwhile_is_not_written_to(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    await _tell(database, cast)
    async with database.begin() as session:
        team = Members(session, cast.a.id)
        await team.add(email="olga@acacia.example", name="Olga", role="owner")
        await team.remove(cast.alice.id)
    assert await _send_all(database, post) == 1
    assert list(outbox[0].letters) == []


@pytest.mark.parametrize("kind", SUBJECTS)
async def test_every_mail_can_be_written(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int], kind: NoticeKind
) -> None:
    async with database.begin() as session:
        found = await organisations.find(session, cast.a.id)
        assert found is not None
        found.name = "Sons & <b>Daughters</b>"
        day = datetime(2026, 12, 4, 20, tzinfo=UTC)  # the 5th in Sydney
        session.add(Subscription(organisation_id=cast.a.id, seats=1, release_after=day))
    await _tell(database, cast, kind)
    await _send_all(database, post)
    letter = await outbox[0].letter_to("alice@acacia.example")
    assert letter.subject == SUBJECTS[kind]
    assert "Alice Ashby" in letter.text
    assert "Sons & <b>Daughters</b>" in letter.text
    assert f"{URL}/billing" in letter.text
    if kind in ("ended", "soon", "tomorrow"):
        assert "Saturday 5 December 2026" in letter.text


async def test_a_job_of_the_release_before_is_sent_as_well(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    before = {"organisation": str(cast.a.id), "kind": "past_due", "owner": str(cast.alice.id)}
    await notices.JOBS["send_notice"](database, before)
    assert await _send_all(database, post) == 1
    assert (await outbox[0].letter_to("alice@acacia.example")).subject == SUBJECTS["past_due"]


async def test_the_sweep_tells_those_who_are_about_to_lose_their_numbers(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        for organisation, days in ((cast.a, 2), (cast.b, 9)):
            day = datetime.now(UTC) + timedelta(days=days)
            session.add(Subscription(organisation_id=organisation.id, seats=1, release_after=day))
    for _ in range(2):
        await notices.remind(database)
    async with database.begin() as session:
        told = (await session.execute(text("SELECT organisation_id, kind FROM notices"))).all()
    assert [tuple(one) for one in told] == [(cast.a.id, "soon")]
