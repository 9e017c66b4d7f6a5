"""Asks a web process as our account's Twilio does, signed for its public URL; and looks at what came of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import func, select, update
from twilio.request_validator import RequestValidator

from db.engine import Database
from db.models import Call, Member, Number, Organisation
from protocol.tickets import StreamTicket, verify_stream
from web.config import Settings

CALL, LEG = "CA" + "a" * 32, "CA" + "b" * 32
CALLER = "+61412345678"
INBOUND, OUTBOUND = "/twilio/voice/inbound", "/twilio/voice/outbound"
DIALLED, WHISPER = "/twilio/voice/dialled", "/twilio/voice/whisper"
OVERFLOWED = "/twilio/voice/overflowed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What Twilio is told."""

    status: int
    content_type: str
    text: str

    @property
    def verbs(self) -> list[ET.Element]:
        """The verbs, of an answer that must be TwiML."""
        assert (self.status, self.content_type) == (200, "text/xml"), self
        return list(ET.fromstring(self.text))

    @property
    def tags(self) -> list[str]:
        """The names of the verbs."""
        return [verb.tag for verb in self.verbs]

    @property
    def said(self) -> str:
        """What is said."""
        return " ".join(verb.text or "" for verb in self.verbs if verb.tag == "Say")

    def one(self, path: str) -> ET.Element:
        """The one element at ``path`` below ``<Response>``."""
        (found,) = ET.fromstring(self.text).findall(path)
        return found


@dataclass(frozen=True, slots=True)
class Twilio:
    """Our account's Twilio."""

    settings: Settings
    http: ClientSession

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """The answer to ``form``, signed."""
        form = {"AccountSid": self.settings.twilio_account_sid, **form}
        token = self.settings.twilio_auth_tokens[0].get_secret_value()
        url = self.settings.web_public_url + path
        headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)}
        async with self.http.post(url, data=form, headers=headers) as answer:
            return Answer(answer.status, answer.content_type, await answer.text())


@asynccontextmanager
async def twilio_of(settings: Settings) -> AsyncIterator[Twilio]:
    """The Twilio whose webhooks go to the process of ``settings``."""
    async with ClientSession() as http:
        yield Twilio(settings, http)


async def available(database: Database, *members: Member) -> None:
    """Let calls ring at ``members``, the first one first; none of them has a presence yet."""
    async with database.begin() as session:
        for member in members:
            now = {"available": True, "available_at": func.clock_timestamp()}
            await session.execute(update(Member).where(Member.id == member.id).values(**now))


async def stands(database: Database, organisation: Organisation, **values: Any) -> None:
    """Change the organisation's row."""
    async with database.begin() as session:
        await session.execute(update(Organisation).where(Organisation.id == organisation.id).values(**values))


async def calls(database: Database) -> Sequence[Call]:
    """The whole call log."""
    async with database.begin() as session:
        return (await session.scalars(select(Call))).all()


def calling(number: Number, caller: str = CALLER) -> dict[str, str]:
    """What Twilio sends when ``caller`` calls ``number``."""
    return {"CallSid": CALL, "From": caller, "To": number.e164, "CallStatus": "ringing", "Direction": "inbound"}


def dialling(member: Member, to: str = "(02) 9374 4000", **more: str) -> dict[str, str]:
    """What Twilio sends when ``member`` dials ``to``; ``more`` is what the softphone adds."""
    return {"CallSid": CALL, "From": f"client:{member.id.hex}", "To": to, "CallStatus": "ringing", **more}


def ticket(answer: Answer, settings: Settings) -> StreamTicket:
    """The ticket that the stream in ``answer`` would show, verified."""
    parameter = answer.one("Start/Stream/Parameter")
    assert parameter.get("name") == "ticket"
    assert len(parameter.get("name", "") + parameter.get("value", "")) < 500  # Twilio's limit
    return verify_stream(settings.stream_shared_secret.get_secret_value(), parameter.get("value"))
