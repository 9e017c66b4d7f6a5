"""How the emulated Twilio's endpoints find its state."""

from __future__ import annotations

from aiohttp import web

from sandbox.twilio.phone.exchange import Exchange

EXCHANGE = web.AppKey("exchange", Exchange)
