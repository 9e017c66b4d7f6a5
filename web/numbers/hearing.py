"""The page of how calls of one number become words: prompt, language, custom vocabulary, personal details."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.queries.rate_limits import Limit
from db.queries.words.hearings import NumberHearing
from protocol.messages import Vocabulary, VocabularyState
from web.config import SETTINGS
from web.numbers import hearing_form, prompts, vocabularies
from web.numbers.addressed import addressed, naming
from web.request import access, limits
from web.request.access import Viewer
from web.request.forms import field
from web.request.render import render_form, saved, was_saved

SAVES = Limit("hearing", count=60, seconds=10 * 60)

routes = web.RouteTableDef()


@routes.get("/numbers/{number}/words")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "numbers")
    return await _page(request, viewer)


@routes.post("/numbers/{number}/words")
async def save(request: web.Request) -> web.StreamResponse:
    """Save it for this number, or for all. New calls go by it. If anything is wrong, save nothing."""
    viewer = await access.require(request, "numbers")
    await limits.hit(request, SAVES, str(viewer.organisation_id))
    sent = {name: await field(request, name) for name in hearing_form.FIELDS}
    everywhere = await field(request, "everywhere") == "yes"
    if wrong := hearing_form.problems(sent):
        return await _page(request, viewer, sent, wrong)
    hearing = hearing_form.read(sent)
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        number = await addressed(request, rows)
        for each in await rows.numbers.all() if everywhere else [number]:
            changed = hearing_form.changes(await rows.hearings.of(each.id), hearing)
            if changed:
                await rows.hearings.set(each.id, hearing)
                await rows.audit.record("number.words_changed", {"number": each.e164, **changed})
    raise saved(f"/numbers/{number.id}/words")


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
        hearing, numbers = await rows.hearings.of(number.id), await rows.numbers.all()
        usual = (rows.organisation.consent_prompt or "").strip() or request.app[SETTINGS].consent_prompt
    state = await _state(request, hearing) if was_saved(request) and not wrong else None
    return render_form(
        request,
        "numbers/hearing.html",
        wrong,
        **naming(number),
        languages=hearing_form.LANGUAGES,
        fields=sent or hearing_form.typed(hearing),
        others=len(numbers) - 1,
        usual_prompt=usual,
        prompts=prompts,
        state=state,
        state_words=vocabularies.SAID[state] if state is not None else "",
    )


async def _state(request: web.Request, hearing: NumberHearing) -> VocabularyState | None:
    """Return what Transcribe knows of the vocabulary, None if there is none."""
    if hearing.vocabulary is None or hearing.language is None:
        return None
    wanted = Vocabulary(hearing.vocabulary, hearing.language)
    return (await request.app[vocabularies.VOCABULARIES].states([wanted]))[wanted]
