"""An organisation's counter for numbers in a test: the web application asks an emulated Twilio."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import aiohttp
from sqlalchemy import update

from db.base import OrganisationStatus
from db.engine import Database
from db.models import Number, NumberOrder, Organisation
from db.queries.audit import AuditFilter, AuditLog, Details, details_of
from db.queries.number_orders import NumberOrders
from provisioning.twilio.settings import TwilioSettings
from sandbox.twilio.emulator import Number as TwilioNumber
from tests.kit.vendors.twilio_account import Account
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.config import Settings

Answer = aiohttp.ClientResponse


def asking(settings: Settings, twilio: Account) -> Settings:
    """``settings`` of a web process that asks ``twilio``."""
    names = [name for name in TwilioSettings.model_fields if name.startswith("twilio_")]
    return settings.model_copy(update={name: getattr(twilio.settings, name) for name in names})


async def at_twilio(database: Database, cast: Cast) -> None:
    """Let A's number be the one that the account has."""
    sid = TwilioNumber(cast.number.e164).sid
    async with database.begin() as session:
        await session.execute(update(Number).where(Number.id == cast.number.id).values(twilio_sid=sid))


async def stands(database: Database, organisation: Organisation, status: OrganisationStatus) -> None:
    """Let the organisation's subscription be so."""
    async with database.begin() as session:
        await session.execute(update(Organisation).where(Organisation.id == organisation.id).values(status=status))


async def orders(database: Database, organisation: Organisation) -> list[NumberOrder]:
    """The organisation's, the oldest first."""
    async with database.begin() as session:
        return list(await NumberOrders(session, organisation.id).all())


async def recorded(database: Database, organisation: Organisation, action: str) -> list[Details]:
    """What the audit log says of ``action``, the newest first."""
    async with database.begin() as session:
        entries = await AuditLog(session, organisation.id).page(AuditFilter(action=action))
    return [details_of(entry) for entry in entries]


async def choose(browser: Browser, number: str, key: UUID | str | None = None, **fields: str) -> Answer:
    """Send the form that chooses ``number``."""
    return await browser.post("/numbers/choose", data={"number": number, "key": str(key or uuid4()), **fields})


async def offered(answer: Answer) -> list[str]:
    """The numbers to choose from."""
    return re.findall(r'name="number" value="([^"]*)"', await answer.text())
