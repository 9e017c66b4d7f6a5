"""The post office takes what a real SMTP client sends, shows it harmlessly, and keeps only so much."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest

from sandbox.mail import Mailbox, post_office
from tests.kit.machines.certificate import self_signed


@dataclass
class Office:
    """A running post office and where it listens."""

    outbox: Mailbox
    smtp_port: int
    page_url: str

    async def send(self, *recipients: str, subject: str = "Hello", text: str = "Hi.", html: str = "") -> None:
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = "bilby@example.au", ", ".join(recipients), subject
        letter.set_content(text)
        if html:
            letter.add_alternative(html, subtype="html")
        await aiosmtplib.send(letter, hostname="127.0.0.1", port=self.smtp_port, start_tls=False)

    async def page(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.page_url) as response:
            assert response.status == 200
            return await response.text()


@pytest.fixture
async def office(free_port: Callable[[], int]) -> AsyncIterator[Office]:
    smtp_port, page_port = free_port(), free_port()
    async with post_office(smtp_port=smtp_port, page_port=page_port) as outbox:
        yield Office(outbox, smtp_port, f"http://127.0.0.1:{page_port}/")


async def test_a_letter_is_waited_for_by_its_address(office: Office) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(office.outbox.letter_to("ann@example.au"))
        await office.send("bob@example.au", text="for Bob")
        await office.send("ann@example.au", text="Sign in: https://bilby.example.au/sign-in/t0ken?x=1&y=2.\nBye.")
    assert waiting.result().links == ["https://bilby.example.au/sign-in/t0ken?x=1&y=2"]
    assert [letter.recipients for letter in office.outbox.letters] == [("bob@example.au",), ("ann@example.au",)]


async def test_a_letter_that_never_comes_is_waited_for_no_longer_than_said(office: Office) -> None:
    with pytest.raises(TimeoutError):
        await office.outbox.letter_to("nobody@example.au", seconds=0.01)


async def test_the_newest_letter_counts(office: Office) -> None:
    await office.send("ann@example.au", text="first")
    await office.send("ann@example.au", text="second")
    assert (await office.outbox.letter_to("ann@example.au")).text == "second"


async def test_the_page_shows_letters_with_links_to_click(office: Office) -> None:
    assert "<article" not in await office.page()
    await office.send("zoë@example.au", subject="Grüße", text="Go: http://127.0.0.1:8080/sign-in/abc&d\nÀ bientôt")
    page = await office.page()
    assert page.count("<article") == 1
    assert '<a href="http://127.0.0.1:8080/sign-in/abc&amp;d">' in page
    assert "Grüße" in page
    assert "À bientôt" in page


async def test_a_letter_is_untrusted_text(office: Office) -> None:
    nasty = "<script>alert(1)</script> {at} https://x/'onclick='alert(1) https://y/\"><b>"
    await office.send("ann@example.au", subject="<b>{text}</b>", text=nasty)
    page = await office.page()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "onclick='" not in page


async def test_text_is_preferred_to_html(office: Office) -> None:
    await office.send("ann@example.au", text="plain", html="<p>fancy</p>")
    assert (await office.outbox.letter_to("ann@example.au")).text == "plain"


async def test_lines_that_begin_with_a_dot_survive(office: Office) -> None:
    await office.send("ann@example.au", text="one\n.\n..two")
    assert (await office.outbox.letter_to("ann@example.au")).text == "one\n.\n..two"


async def test_a_letter_beyond_bounds_is_refused(office: Office) -> None:
    with pytest.raises(aiosmtplib.SMTPException):
        await office.send("ann@example.au", text="x" * 1_100_000)
    assert not office.outbox.letters


async def test_keeps_only_the_newest(office: Office) -> None:
    for number in range(205):
        await office.send("ann@example.au", subject=str(number))
    assert [letter.subject for letter in office.outbox.letters][::199] == ["5", "204"]


async def test_a_client_still_connected_does_not_hold_the_end_up(free_port: Callable[[], int]) -> None:
    smtp_port = free_port()
    async with asyncio.timeout(60):
        async with post_office(smtp_port=smtp_port, page_port=free_port()):
            reader, writer = await asyncio.open_connection("127.0.0.1", smtp_port)
            assert (await reader.readline()).startswith(b"220 ")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_with_tls_a_letter_must_be_encrypted(tmp_path: Path, free_port: Callable[[], int]) -> None:
    certificate = self_signed(tmp_path, "127.0.0.1")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    theirs = ssl.create_default_context(cafile=certificate)
    port = free_port()
    mail = EmailMessage()
    mail["From"], mail["To"] = "bilby@example.au", "ann@example.au"
    async with post_office(smtp_port=port, page_port=free_port(), tls=ours) as outbox:
        with pytest.raises(aiosmtplib.SMTPException):
            await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=True, tls_context=theirs)
        assert (await outbox.letter_to("ann@example.au")).recipients == ("ann@example.au",)
