"""Send media the phrase rules of an organisation: when a node asks, and after every change."""

from __future__ import annotations

import time
from uuid import UUID

from aiohttp import web

from web.bus import BUS
from web.request import access


async def send(app: web.Application, organisation_id: UUID) -> None:
    """Send the rules that are on. Live calls go by them from then on. Raise `NotFoundError`."""
    version = round(time.time() * 1000)  # before they are read: who reads later knows more
    async with access.by_fact(app, organisation_id) as rows:
        on = await rows.phrases.on()
    app[BUS].phrase_rules(organisation_id, version, on)
