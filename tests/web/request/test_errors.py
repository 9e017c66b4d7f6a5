"""Every refusal has its own page: a heading and a sentence that fit its status, for people and for programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

import pytest
from aiohttp import web

from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.request.errors import CLIENT_LEFT, page

Browsers = Callable[[], Browser]
REFUSALS = [int(each) for each in HTTPStatus if 400 <= each < 500 and each not in (407, 418, 421, 423, 424, 425, 451)]

OURS = page(500)[0]


def _raised(status: int) -> web.HTTPException:
    kinds = {each.status_code: each for each in _kinds(web.HTTPError)}
    kind = kinds[status]
    if status == 405:
        return web.HTTPMethodNotAllowed("POST", ["GET"])
    if status == 413:
        return web.HTTPRequestEntityTooLarge(1, 2)
    return kind()


def _kinds(kind: type[web.HTTPException]) -> list[type[web.HTTPException]]:
    return [each for below in kind.__subclasses__() for each in (below, *_kinds(below))]


@pytest.fixture
def more_routes() -> list[web.RouteDef]:
    """``/refuse/404`` is refused by a 404, and so on."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise _raised(int(request.match_info["status"]))

    return [web.get("/refuse/{status}", refuse)]


async def test_each_status_is_a_page_of_its_own(cast: Cast, browser: Browsers) -> None:
    one, headings = browser(), {}
    for status in (400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 422, 429, 431, 500, 503, 504):
        answer = await one.get(f"/refuse/{status}")
        text = await answer.text()
        assert (answer.status, f'data-status="{status}"' in text) == (status, True)
        headings[status] = re.findall("<h1>(.*?)</h1>", text)
        as_json = await one.get(f"/refuse/{status}", headers={"Accept": "application/json"})
        assert (as_json.status, set(await as_json.json())) == (status, {"error"})
    assert [status for status, said in headings.items() if said == [OURS]] == [500]
    assert len({tuple(said) for said in headings.values()}) == len(headings)


def test_no_refusal_is_called_a_mistake_of_ours() -> None:
    for status in (*REFUSALS, CLIENT_LEFT, 418, 451):
        heading, sentence = page(status)
        assert heading != OURS
        assert sentence
    assert {page(status)[0] for status in (500, 505, 599)} == {OURS}


def test_what_aiohttp_and_we_refuse_with_has_words_of_its_own() -> None:
    assert len({page(status) for status in (*REFUSALS, CLIENT_LEFT)}) >= len(REFUSALS) - 1  # 409 and 412 are alike
