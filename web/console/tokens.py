"""Credentials for the browser: a console ticket for media, an access token for Twilio's Voice SDK."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta

from aiohttp import web
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from db.queries.audit import AuditFilter
from db.queries.rate_limits import Limit
from protocol.tickets import sign_console
from provisioning.twilio.client import EDGE, REGION
from web.billing import payment_notice
from web.calls.callback_forms import client_identity
from web.config import SETTINGS, Settings
from web.request import access, limits, session as request_session
from web.request.access import Viewer

VOICE_SECONDS = 3600  # the softphone asks for the next one before
CONSOLE_TICKETS = Limit("console ticket", count=60, seconds=60)  # per member: some tabs that reconnect
WATCHES = "watching.opened_live_calls"
WATCHED = timedelta(hours=1)
VOICE_TOKENS = Limit("voice token", count=30, seconds=60)

routes = web.RouteTableDef()


@routes.post("/console/ticket")
async def console_ticket(request: web.Request) -> web.Response:
    """Return a ticket for one console and the URL to use it at. It works once, within a minute. 403 if unpaid.

    Either answer carries the payment notice, if there is one; a ticket also says which role it is for.
    """
    asked_at = time.time()  # before the member's rights are read, so that revoking them later voids this ticket
    viewer = await access.require(request, "console")
    sign_in = request_session.read(request)
    await limits.hit(request, CONSOLE_TICKETS, str(viewer.member_id))
    await _write_down(request, viewer)
    notice = await payment_notice.find(request, viewer)
    described = asdict(notice) if notice else None
    if notice is not None and not viewer.may_watch:
        return web.json_response({"error": notice.words, "reason": notice.state, "trouble": described}, status=403)
    settings = request.app[SETTINGS]
    ticket = sign_console(
        settings.stream_shared_secret.get_secret_value(),
        org=str(viewer.organisation_id),
        sub=str(viewer.member_id),
        role=viewer.role,
        issued_at=asked_at,
        until=None if sign_in is None else sign_in.expires_at.timestamp(),
    )
    url = f"{settings.media_public_url}/console"
    return web.json_response({"ticket": ticket, "url": url, "trouble": described, "role": viewer.role})


async def _write_down(request: web.Request, viewer: Viewer) -> None:
    """Record in the audit log, once an hour, a viewer who may see the words of all calls, before they can."""
    if not viewer.may("calls.all") or not viewer.may_watch:
        return
    async with access.of_organisation(request, viewer) as rows:
        since = await rows.presence.now() - WATCHED
        if not await rows.audit.page(AuditFilter(WATCHES, viewer.member_id, since=since), limit=1):
            await rows.audit.record(WATCHES)


@routes.post("/voice/token")
async def voice_token(request: web.Request) -> web.Response:
    """Return an access token for the member's softphone: to be called by their id, to dial by our TwiML App."""
    viewer = await access.require(request, "softphone")
    await limits.hit(request, VOICE_TOKENS, str(viewer.member_id))
    identity = client_identity(viewer.member_id)
    token = _voice_token(request.app[SETTINGS], identity)
    return web.json_response({"token": token, "identity": identity, "edge": EDGE})


def _voice_token(settings: Settings, identity: str) -> str:
    """Return a Voice SDK token. It must name the region, or Twilio looks for the key in the United States."""
    token = AccessToken(
        settings.twilio_account_sid,
        settings.twilio_api_key_sid,
        settings.twilio_api_key_secret.get_secret_value(),
        identity=identity,
        ttl=VOICE_SECONDS,
        region=REGION,
    )
    token.add_grant(VoiceGrant(incoming_allow=True, outgoing_application_sid=settings.twilio_twiml_app_sid))
    return str(token.to_jwt())
