"""Mail over SMTP, which every provider speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid, parseaddr
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from db import email_addresses
from db.engine import refuse_in_transaction
from runtime.settings import LOOPBACK

SECONDS = 15.0  # for one complete delivery


class MailError(Exception):
    """The mail server refused, or did not answer. ``kind`` names the failure; it holds no address.

    ``retryable``: the same mail may be accepted later, once the server or the operator has repaired something. False
    only if the server rejects every recipient for good.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.kind = type(error).__name__
        self.retryable = not (
            isinstance(error, aiosmtplib.SMTPRecipientsRefused)
            and all(500 <= each.code < 600 for each in error.recipients)
        )


class Mailer:
    """Send through ``url``: ``smtps://`` is TLS from the start; ``smtp://`` must upgrade, except on loopback."""

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = _ascii_sender(sender)

    async def send(self, to: str, subject: str, text: str, html: str) -> None:
        """Deliver one mail. Raise `MailError`."""
        await self._deliver(self._compose(to, subject, text, html))

    async def greet(self) -> None:
        """Connect and sign in without sending anything. Raise as `send` does."""
        refuse_in_transaction("SMTP")
        with _translate_errors():
            async with asyncio.timeout(SECONDS), aiosmtplib.SMTP(**self._connection()) as server:
                await server.noop()

    def _compose(self, to: str, subject: str, text: str, html: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = email_addresses.envelope(to)
        mail["Subject"] = subject
        mail["Date"] = formatdate(usegmt=True)
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].rstrip(">"))
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        mail.add_alternative(html, subtype="html")
        return mail

    async def _deliver(self, mail: EmailMessage) -> None:
        refuse_in_transaction("SMTP")
        with _translate_errors():
            async with asyncio.timeout(SECONDS):
                await aiosmtplib.send(mail, **self._connection())

    def _connection(self) -> dict[str, Any]:
        implicit = self._url.scheme == "smtps"
        return {
            "hostname": self._url.hostname,
            "port": self._url.port or (465 if implicit else 587),
            "username": _part(self._url.username),
            "password": _part(self._url.password),
            "use_tls": implicit,
            "start_tls": None if implicit or _is_loopback(self._url) else True,
            "timeout": SECONDS,
        }


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise MailError(error) from error


def _ascii_sender(sender: str) -> str:
    """Return ``sender`` with its domain in ASCII."""
    name, address = parseaddr(sender)
    return formataddr((name, email_addresses.envelope(address)))


def _part(value: str | None) -> str | None:
    return None if value is None else unquote(value)


def _is_loopback(url: SplitResult) -> bool:
    return url.hostname in LOOPBACK
