"""The page of phrase rules: list, edit, switch on, remove, and try which of them a sentence would fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from aiohttp import web

from db.queries.rate_limits import Limit
from db.queries.words.phrase_rules import Kept
from protocol.phrases import MOST_RULES, PhraseRules
from web.phrases import form, rules
from web.request import access, limits
from web.request.access import Viewer
from web.request.errors import InvalidError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

CHANGES = Limit("phrases", count=120, seconds=10 * 60)
_LONGEST_TRIED = 2000  # characters
routes = web.RouteTableDef()


@routes.get("/phrases")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the rules; ``?rule=``: with that one in the form."""
    viewer = await access.require(request, "settings")
    chosen = request.query.get("rule")
    return await _page(request, viewer, chosen=None if chosen is None else read_uuid(chosen))


@routes.post("/phrases/save")
async def save(request: web.Request) -> web.StreamResponse:
    """Keep a new or changed rule. One that is on goes for live calls at once."""
    viewer = await _may_change(request)
    typed = {name: await field(request, name) for name in form.FIELDS}
    if wrong := form.problems(typed):
        return await _page(request, viewer, status=400, typed=typed, wrong=wrong)
    if typed["id"]:
        read_uuid(typed["id"])
    is_on = typed["on"] == "yes"
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        if not typed["id"] and len(await rows.phrases.all()) >= MOST_RULES:
            raise InvalidError(f"There are {MOST_RULES} rules already. Remove one first.")
        try:
            rule = await rows.phrases.save(form.read(typed), is_on=is_on)
        except KeyError:
            raise NotFoundError("This rule was removed.") from None
        await rows.audit.record("phrase_rule.saved", {"name": rule.name, "on": is_on})
    await rules.send(request.app, viewer.organisation_id)
    raise web.HTTPSeeOther("/phrases")


@routes.post("/phrases/{rule}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove a rule: it does not fire any more."""
    viewer = await _may_change(request)
    async with access.rows(request, viewer) as rows:
        try:
            removed = await rows.phrases.remove(read_uuid(request.match_info["rule"]))
        except KeyError:
            raise NotFoundError("This rule has already been removed.") from None
        await rows.audit.record("phrase_rule.removed", {"name": removed.name})
    await rules.send(request.app, viewer.organisation_id)
    raise web.HTTPSeeOther("/phrases")


@routes.post("/phrases/try")
async def try_out(request: web.Request) -> web.StreamResponse:
    """Show which rules a sentence would fire, drafts as well. The sentence is not stored."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    sentence, speaker = await field(request, "sentence"), await field(request, "speaker")
    if len(sentence) > _LONGEST_TRIED or speaker not in ("caller", "agent"):
        raise InvalidError(f"Type at most {_LONGEST_TRIED} characters, and choose who says them.")
    return await _page(request, viewer, sentence=sentence, speaker=speaker)


async def _may_change(request: web.Request) -> Viewer:
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    return viewer


async def _page(
    request: web.Request,
    viewer: Viewer,
    *,
    status: int = 200,
    chosen: UUID | None = None,
    typed: form.Typed | None = None,
    sentence: str = "",
    speaker: str = "caller",
    wrong: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    async with access.rows(request, viewer) as rows:
        kept = await rows.phrases.all()
    fired = PhraseRules(each.rule for each in kept).fired(sentence, speaker)
    return render(
        request,
        "phrases/phrases.html",
        status=status,
        kept=kept,
        typed=typed or _typed(kept, chosen),
        sentence=sentence,
        speaker=speaker,
        fired={rule.id for rule in fired},
        wrong=wrong or {},
    )


def _typed(kept: Sequence[Kept], chosen: UUID | None) -> form.Typed:
    if chosen is None:
        return form.EMPTY
    for each in kept:
        if each.id == chosen:
            return form.filled(each.rule, is_on=each.is_on)
    raise NotFoundError("This rule was removed.")
