"""How supervisors who listen are announced, and whether agents are shown who watches."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.base import Listening
from db.queries.rate_limits import Limit
from web.helping import notice
from web.request import access, limits
from web.request.errors import InvalidError
from web.request.forms import field
from web.request.render import render_form, saved

CHANGES = Limit("listening settings", count=60, seconds=10 * 60)
CHOICES: Mapping[Listening, tuple[str, str]] = {
    "prompt": (
        "In the consent prompt",
        "The prompt must say that a supervisor may listen; change it under Settings.",
    ),
    "tone": ("By a tone", "A short tone when the supervisor joins. Everybody in the call hears it."),
    "words": ("By a sentence", "“A supervisor has joined this call.” Everybody in the call hears it."),
    "off": ("Not at all: supervisors cannot listen", "They can still read live words, and end a call."),
}

routes = web.RouteTableDef()


@routes.get("/settings/listening")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page, with who has confirmed the notice."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        organisation = rows.organisation
        return render_form(
            request,
            "helping/settings.html",
            choices=CHOICES,
            listening=organisation.listening,
            watchers_shown=organisation.watchers_shown,
            confirmed=notice.confirmations(await rows.members.all(), organisation.time_zone),
        )


@routes.post("/settings/listening")
async def save(request: web.Request) -> web.StreamResponse:
    """Save both. They hold for supervisors who listen from now on."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    listening = _read(await field(request, "listening"))
    shown = await field(request, "watchers_shown") == "yes"
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        organisation, changed = rows.organisation, dict[str, str]()
        if organisation.listening != listening:
            changed["announced"] = f"{organisation.listening} → {listening}"
        if organisation.watchers_shown != shown:
            changed["shown_to_agents"] = "on" if shown else "off"
        organisation.listening, organisation.watchers_shown = listening, shown
        if changed:
            await rows.audit.record("listening.changed", changed)
            await rows.presence.notify()
    raise saved("/settings/listening")


def _read(text: str) -> Listening:
    """Return the chosen setting. Raise `InvalidError` for any other text."""
    for choice in CHOICES:
        if choice == text:
            return choice
    raise InvalidError("That is not one of the choices. Go back and choose one from the list.")
