"""Mail goes out whole, and never in clear over the internet."""

from __future__ import annotations

import pytest

from provisioning.mail.smtp import Mailer, MailError
from sandbox.mail import Mailbox


async def test_a_mail_arrives(outbox: tuple[Mailbox, int]) -> None:
    mailer = Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@bilby.example>")
    await mailer.send("Zoë@acacia.example", "Grüße", "Hello Zoë", "<p>Hello Zoë</p>")
    letter = await outbox[0].letter_to("Zoë@acacia.example")
    assert (letter.subject, letter.text) == ("Grüße", "Hello Zoë")


@pytest.mark.parametrize("injected", ["a@b.example\nBcc: c@d.example", "a@b.example\r\n\r\nhello"])
async def test_an_address_brings_no_header_of_its_own(outbox: tuple[Mailbox, int], injected: str) -> None:
    mailer = Mailer(f"smtp://127.0.0.1:{outbox[1]}", "bilby@bilby.example")
    with pytest.raises(ValueError, match="linefeed"):
        await mailer.send(injected, "Hello", "text", "html")
    assert not outbox[0].letters


async def test_a_server_that_is_away_is_an_error() -> None:
    mailer = Mailer("smtp://127.0.0.1:1", "bilby@bilby.example")
    with pytest.raises(MailError):
        await mailer.send("a@b.example", "Hello", "text", "html")


async def test_a_far_server_must_encrypt(outbox: tuple[Mailbox, int]) -> None:
    """The post office here speaks no TLS, and is reached by a name that is not known to be this machine's."""
    mailer = Mailer(f"smtp://127.1:{outbox[1]}", "a@b.example")
    with pytest.raises(MailError, match="STARTTLS"):
        await mailer.send("a@b.example", "Hello", "text", "html")
    assert not outbox[0].letters


async def test_a_domain_of_other_letters_is_mailed_in_ascii(outbox: tuple[Mailbox, int]) -> None:
    mailer = Mailer(f"smtp://127.0.0.1:{outbox[1]}", "Bilby <bilby@b\u00fccher.example>")
    await mailer.send("bob@b\u00fccher.example", "Hello", "text", "<p>text</p>")
    (letter,) = outbox[0].letters
    assert letter.recipients == ("bob@xn--bcher-kva.example",)
