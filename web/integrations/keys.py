"""The keys of the API: make one, shown once; see when each was last used; revoke one at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field as default
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import ApiKey
from db.queries.integrations.api_keys import MOST, Issued, Scope, TooManyKeysError
from db.queries.rate_limits import Limit
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render
from web.request.typed import tidy

CHANGES = Limit("api keys", count=30, seconds=10 * 60)
LONGEST_NAME = 60  # characters
SCOPES: Mapping[Scope, str] = {
    "calls:read": "Read calls, without any words",
    "numbers:read": "Read your numbers",
    "members:read": "Read your team: names, addresses, roles",
    "presence:read": "Read who is available",
    "choices:read": "Read your outcomes, tags and reasons for breaks",
    "contacts:read": "Read contacts",
    "contacts:write": "Add, change, merge and remove contacts",
    "notes:read": "Read what your team noted about contacts",
    "notes:write": "Write, change and remove notes about contacts",
    "blocked:read": "Read your block list",
    "blocked:write": "Block and unblock numbers",
    "hooks:read": "See where events are sent, and samples of them",
    "hooks:write": "Subscribe to events that it may read, and remove any subscription",
}
LASTS: Mapping[str, tuple[str, timedelta | None]] = {
    "30": ("30 days", timedelta(days=30)),
    "90": ("90 days", timedelta(days=90)),
    "365": ("A year", timedelta(days=365)),
    "never": ("Until it is revoked", None),
}
_GONE = "a former colleague"

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Typed:
    """The form, and what is wrong with it by field."""

    name: str = ""
    scopes: Collection[Scope] = ()
    lasts: str = "365"
    wrong: Mapping[str, str] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as shown. Times are in the organisation's time zone."""

    id: UUID
    name: str
    prefix: str
    scopes: Sequence[str]
    by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    is_expired: bool


@routes.get("/api-keys")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "integrations"))


@routes.post("/api-keys")
async def make(request: web.Request) -> web.StreamResponse:
    """Make a key and show it: this once."""
    viewer = await access.require(request, "integrations")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    typed = await _typed(request)
    if typed.wrong:
        return await _page(request, viewer, typed)
    try:
        issued = await _issue(request, viewer, typed)
    except TooManyKeysError:
        wrong = {"name": f"You already have {MOST} keys, the maximum. Revoke one first."}
        return await _page(request, viewer, Typed(typed.name, typed.scopes, typed.lasts, wrong))
    return await _page(request, viewer, issued=issued)


@routes.post("/api-keys/{key}/revoke")
async def revoke(request: web.Request) -> web.StreamResponse:
    """Revoke a key at once."""
    viewer = await access.require(request, "integrations")
    async with access.rows(request, viewer) as rows:
        key = await rows.api_keys.revoke(read_uuid(request.match_info["key"]))
        if key is None:
            raise NotFoundError
        await rows.audit.record("api_key.revoked", {"name": key.name, "key": key.prefix})
    raise web.HTTPSeeOther("/api-keys")


async def _issue(request: web.Request, viewer: Viewer, typed: Typed) -> Issued:
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        issued = await rows.api_keys.issue(
            name=typed.name, scopes=typed.scopes, created_by=viewer.member_id, lasts=LASTS[typed.lasts][1]
        )
        details = {"name": typed.name, "key": issued.key.prefix, "scopes": ", ".join(typed.scopes)}
        await rows.audit.record("api_key.created", details)
        return issued


async def _typed(request: web.Request) -> Typed:
    name = tidy(await field(request, "name"))
    scopes = [scope for scope in SCOPES if await field(request, f"scope_{scope}")]
    lasts = await field(request, "lasts")
    wrong: dict[str, str] = {}
    if not 0 < len(name) <= LONGEST_NAME:
        wrong["name"] = f"Enter the name of the program that will use it, at most {LONGEST_NAME} characters."
    if not scopes:
        wrong["scopes"] = "Choose at least one permission."
    if lasts not in LASTS:
        wrong["lasts"] = "Choose how long it is valid."
    return Typed(name[:LONGEST_NAME], scopes, lasts, wrong)


async def _page(
    request: web.Request, viewer: Viewer, typed: Typed | None = None, issued: Issued | None = None
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        lines = await _lines(rows, datetime.now(UTC))
    return render(
        request,
        "integrations/keys.html",
        status=400 if typed else 200,
        typed=typed or Typed(),
        issued=issued,
        lines=lines,
        scopes=SCOPES,
        lasts={value: words for value, (words, _) in LASTS.items()},
    )


async def _lines(rows: Rows, now: datetime) -> Sequence[KeyRow]:
    zone = ZoneInfo(rows.organisation.time_zone)
    names = {each.id: each.name for each in await rows.members.all()}
    return [_line(key, names, zone, now) for key in await rows.api_keys.all()]


def _line(key: ApiKey, names: Mapping[UUID, str], zone: ZoneInfo, now: datetime) -> KeyRow:
    return KeyRow(
        id=key.id,
        name=key.name,
        prefix=f"bilby_{key.prefix}_…",
        scopes=key.scopes,
        by=names.get(key.created_by, _GONE),
        created_at=key.created_at.astimezone(zone),
        expires_at=None if key.expires_at is None else key.expires_at.astimezone(zone),
        last_used_at=None if key.last_used_at is None else key.last_used_at.astimezone(zone),
        is_expired=key.expires_at is not None and key.expires_at <= now,
    )
