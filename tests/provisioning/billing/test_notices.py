"""Owners are told of money and numbers in time: each once for each occasion, and not forgotten when mail is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosmtplib
import pytest
from hypothesis import given, strategies as st
from sqlalchemy import text

from db.engine import Database
from db.models import Subscription
from db.queries import organisations
from db.queries.members import Members
from provisioning import mail
from provisioning.billing import notices
from provisioning.billing.notices import SUBJECTS, Kind, NoticeSender, due, is_refused
from provisioning.jobs import TryAgain, payload_of
from provisioning.mail import Mailer
from sandbox.mail import Mailbox
from tests.kit.cast import Cast

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
URL = "https://bilby.example"


async def _send_all(database: Database, post: NoticeSender) -> int:
    """Do every job that waits, as a worker does; how many there were."""
    async with database.begin() as session:
        rows = await session.execute(text("DELETE FROM pgqueuer RETURNING payload"))
        payloads = list(rows.scalars())
    for payload in payloads:
        await post.send(database, payload_of(_Job(payload)))  # type: ignore[arg-type]
    return len(payloads)


class _Job:
    """As much of a job as is read."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload


async def _tell(database: Database, cast: Cast, kind: Kind = "past_due", about: str = "sub_1") -> bool:
    async with database.begin() as session:
        return await notices.tell(session, cast.a.id, kind, about)


@pytest.fixture
def post(outbox: tuple[Mailbox, int]) -> NoticeSender:
    return NoticeSender(Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@bilby.example>"), URL)


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
def test_which_mail_the_day_asks_for(days: float, kind: Kind | None) -> None:
    assert due(NOW + timedelta(days=days), NOW) == kind


@given(st.integers(0, 30 * 24))
def test_who_looks_every_hour_misses_no_mail(start: int) -> None:
    """However long the grace, and whenever it begins: those that are due at all are told, in this order."""
    release = NOW + timedelta(hours=start, minutes=20)
    told = [kind for hour in range(start + 1) if (kind := due(release, NOW + timedelta(hours=hour)))]
    assert list(dict.fromkeys(told)) == (["soon"] if start >= 24 else []) + ["tomorrow"]


async def test_each_occasion_is_told_once(database: Database, cast: Cast, post: NoticeSender) -> None:
    assert [await _tell(database, cast) for _ in range(3)] == [True, False, False]
    assert await _tell(database, cast, about="sub_2")
    assert await _send_all(database, post) == 2


async def test_every_owner_and_nobody_else_is_written_to(
    database: Database, cast: Cast, post: NoticeSender, outbox: tuple[Mailbox, int]
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
    database: Database, cast: Cast, post: NoticeSender, outbox: tuple[Mailbox, int]
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
    database: Database, cast: Cast, post: NoticeSender, outbox: tuple[Mailbox, int], kind: Kind
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
    assert "Hello Alice Ashby" in letter.text
    assert "Sons & <b>Daughters</b>" in letter.text
    assert f"{URL}/billing" in letter.text
    if kind in ("ended", "soon", "tomorrow"):
        assert "Saturday 5 December 2026" in letter.text


async def test_a_server_that_is_away_is_asked_again_until_it_is_back(
    database: Database, cast: Cast, post: NoticeSender, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setattr(mail, "_PAUSE_SECONDS", 0.0)
    await _tell(database, cast)
    nowhere = NoticeSender(Mailer(f"smtp://127.0.0.1:{free_port()}", "bilby@bilby.example"), URL)
    with pytest.raises(TryAgain):
        await _send_all(database, nowhere)


def test_only_an_address_that_is_never_taken_is_given_up() -> None:
    def refused(*codes: int) -> Any:
        return aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(code, "", "a") for code in codes])

    assert is_refused(refused(550))
    assert not is_refused(refused(450))
    assert not is_refused(aiosmtplib.SMTPAuthenticationError(535, "the operator's fault"))
    assert not is_refused(TimeoutError())


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
