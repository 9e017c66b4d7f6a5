"""A mail that was asked for is sent once, though the mail server is away; nothing of it lies in clear meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiosmtplib
import pytest
from sqlalchemy import func, select, text, update

from db.engine import Database
from db.models import Mail, Member, SignInLink
from db.queries.sign_in.sign_in_links import MAILS
from provisioning.jobs import TryAgain
from provisioning.mail import links, queue
from provisioning.mail.queue import Kind
from provisioning.mail.sender import LATER, SOON, MailSender
from provisioning.mail.smtp import Mailer, MailError
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast

URL = "https://bilby.example"
ALICE = {"email": "alice@acacia.example", "network": "192.0.2.7"}
TOKEN = "gAAAAAB-the-secret-of-a-sign-up"
NORA = {"email": "nora@numbat.example", "network": "192.0.2.7", "url": f"{URL}/sign-up/{TOKEN}", "minutes": "60"}


@pytest.fixture
def post(outbox: tuple[Mailbox, int]) -> MailSender:
    return MailSender(Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@bilby.example>"), URL, links.WRITERS)


@pytest.fixture
def nobody(free_port: Callable[[], int]) -> MailSender:
    """A sender whose mail server does not listen."""
    return MailSender(Mailer(f"smtp://127.0.0.1:{free_port()}", "bilby@bilby.example"), URL, links.WRITERS)


async def _ask(database: Database, kind: Kind, facts: Mapping[str, str]) -> dict[str, str]:
    """Ask for a mail; return the payload of its job."""
    async with database.begin() as session:
        await queue.put(session, kind, facts)
    async with database.begin() as session:
        payload = await session.scalar(text("SELECT payload FROM pgqueuer ORDER BY id DESC LIMIT 1"))
    loaded: dict[str, str] = json.loads(payload)
    return loaded


async def _waiting(database: Database) -> int:
    async with database.begin() as session:
        return await session.scalar(select(func.count()).select_from(Mail)) or 0


async def _age(database: Database, by: timedelta) -> None:
    async with database.begin() as session:
        await session.execute(update(Mail).values(created_at=Mail.created_at - by))


async def _everything(database: Database) -> str:
    """Every row of every table, as text and as bytes in hexadecimal."""
    async with database.begin() as session:
        names = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        rows = [await session.scalar(text(f"SELECT json_agg(t)::text FROM {name} t")) for name in names.all()]
    return "\n".join(kept for kept in rows if kept)


async def test_nothing_of_a_waiting_mail_is_in_clear(database: Database, cast: Cast) -> None:
    await _ask(database, "sign_in", ALICE)
    await _ask(database, "sign_up", NORA)
    stored = await _everything(database)
    secrets = [ALICE["email"], NORA["email"], "192.0.2.7", TOKEN]
    for secret in secrets:
        assert secret not in stored
        assert secret.encode().hex() not in stored
    assert await _waiting(database) == 2


async def test_a_sent_mail_leaves_nothing_but_the_hash_of_its_token(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    await post.send(database, await _ask(database, "sign_in", ALICE))
    token = (await outbox[0].letter_to(ALICE["email"])).links[0].rpartition("/")[2]
    assert len(token) > 40
    stored = await _everything(database)
    assert token not in stored
    assert token.encode().hex() not in stored
    assert await _waiting(database) == 0


async def test_a_mail_is_sent_once_however_often_its_job_runs(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    payload = await _ask(database, "sign_in", ALICE)
    for _ in range(3):
        await post.send(database, payload)
    assert len(outbox[0].letters) == 1


async def test_a_rollback_sends_nothing(database: Database) -> None:
    with suppress(RuntimeError):
        async with database.begin() as session:
            await queue.put(session, "sign_in", ALICE)
            raise RuntimeError
    assert await _waiting(database) == 0
    async with database.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM pgqueuer")) == 0


@pytest.mark.parametrize(("kind", "facts"), [("sign_in", ALICE), ("sign_up", NORA)])
async def test_a_mail_waits_for_its_server_and_its_retry_is_not_another_mail(
    database: Database,
    cast: Cast,
    post: MailSender,
    nobody: MailSender,
    outbox: tuple[Mailbox, int],
    kind: Kind,
    facts: Mapping[str, str],
) -> None:
    """Within the minute in which an address gets one mail."""
    payload = await _ask(database, kind, facts)
    for _ in range(2):
        with pytest.raises(TryAgain) as again:
            await nobody.send(database, payload)
        assert SOON <= again.value.after <= LATER
    assert timedelta(seconds=MAILS.seconds) > SOON
    await post.send(database, payload)
    assert [letter.recipients for letter in outbox[0].letters] == [(facts["email"],)]
    assert await _waiting(database) == 0


@pytest.mark.parametrize(
    ("age", "pause"),
    [(timedelta(0), SOON), (timedelta(minutes=2), timedelta(minutes=2)), (timedelta(minutes=50), LATER)],
)
async def test_pauses_grow_with_the_age_of_a_mail(
    database: Database, cast: Cast, nobody: MailSender, age: timedelta, pause: timedelta
) -> None:
    payload = await _ask(database, "sign_in", ALICE)
    await _age(database, age)
    with pytest.raises(TryAgain) as again:
        await nobody.send(database, payload)
    assert abs(again.value.after - pause) < timedelta(seconds=30)


@pytest.mark.parametrize(("kind", "facts"), [("sign_in", ALICE), ("sign_up", NORA)])
async def test_nobody_gets_a_link_that_they_have_stopped_waiting_for(
    database: Database,
    cast: Cast,
    post: MailSender,
    outbox: tuple[Mailbox, int],
    kind: Kind,
    facts: Mapping[str, str],
) -> None:
    payload = await _ask(database, kind, facts)
    await _age(database, links.WANTED + timedelta(seconds=1))
    await post.send(database, payload)
    assert not outbox[0].letters
    assert await _waiting(database) == 0


async def test_an_invitation_names_the_role_of_the_day_and_is_not_sent_to_who_has_left(
    database: Database, cast: Cast, post: MailSender, outbox: tuple[Mailbox, int]
) -> None:
    facts = {"member": str(cast.bob.id), "inviter": "Alice Ashby", "network": "192.0.2.7"}
    await _set(database, cast.bob.id, accepted_at=None, role="supervisor")
    await post.send(database, await _ask(database, "invitation", facts))
    (letter,) = outbox[0].letters
    assert "supervisor" in letter.text
    await _set(database, cast.bob.id, accepted_at=func.now())
    await post.send(database, await _ask(database, "invitation", facts))
    assert len(outbox[0].letters) == 1
    async with database.begin() as session:
        assert len((await session.scalars(select(SignInLink).where(SignInLink.used_at.is_(None)))).all()) == 1


async def _set(database: Database, member_id: UUID, **values: Any) -> None:
    async with database.begin() as session:
        member = await session.get_one(Member, member_id)
        for name, value in values.items():
            setattr(member, name, value)


async def test_an_address_that_is_refused_for_good_is_given_up(database: Database, cast: Cast) -> None:
    class Refusing(Mailer):
        async def send(self, to: str, *_: str) -> None:
            refused = aiosmtplib.SMTPRecipientRefused(550, "no such user", to)
            raise MailError(aiosmtplib.SMTPRecipientsRefused([refused]))

    post = MailSender(Refusing("smtp://127.0.0.1:1", "bilby@bilby.example"), URL, links.WRITERS)
    await post.send(database, await _ask(database, "sign_in", ALICE))
    assert await _waiting(database) == 0


def test_only_an_address_that_is_never_taken_is_given_up() -> None:
    def refused(*codes: int) -> MailError:
        each = [aiosmtplib.SMTPRecipientRefused(code, "", "a") for code in codes]
        return MailError(aiosmtplib.SMTPRecipientsRefused(each))

    assert not refused(550).retryable
    assert refused(450).retryable
    assert refused(550, 450).retryable
    assert MailError(aiosmtplib.SMTPAuthenticationError(535, "the operator's fault")).retryable
    assert MailError(TimeoutError()).retryable
