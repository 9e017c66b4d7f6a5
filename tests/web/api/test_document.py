"""The OpenAPI document and the page are what the routes are, and neither loads anything of others'."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web
from openapi_spec_validator import validate

from tests.kit.web.site import Browser, Site
from web.api.document import codes, document
from web.api.operations import PREFIX
from web.api.problems import STATUS
from web.api.reference import kind
from web.api.table import OPERATIONS

Browsers = Callable[[], Browser]
_SERVED = {("GET", f"{PREFIX}/openapi.json")}


def _served(app: web.Application) -> set[tuple[str, str]]:
    """Methods and paths under the prefix, but for what answers whatever is not there."""
    routes = ((route.method, route.resource.canonical) for route in app.router.routes() if route.resource)
    return {(method, path) for method, path in routes if path.startswith(PREFIX) and method not in ("*", "HEAD")}


def test_the_document_is_valid() -> None:
    validate(dict(document(OPERATIONS, "https://app.example.com.au")))


async def test_it_has_every_route_and_no_other(site: Site, browser: Browsers) -> None:
    served = await (await browser().get(f"{PREFIX}/openapi.json")).json()
    described = {(method.upper(), PREFIX + path) for path, of in served["paths"].items() for method in of}
    assert described == _served(site.app) - _SERVED
    assert served["servers"] == [{"url": f"{site.url}{PREFIX}"}]
    assert len({each.name for each in OPERATIONS}) == len(OPERATIONS)


def test_nothing_of_it_leads_nowhere() -> None:
    described: Any = document(OPERATIONS, "https://app.example.com.au")
    used = set(re.findall(r"#/components/(\w+)/([\w-]+)", str(described)))
    known = {(part, name) for part in ("schemas", "responses") for name in described["components"][part]}
    assert used <= known


def test_problems_are_listed_by_what_may_happen() -> None:
    by_name = {each.name: set(codes(each)) for each in OPERATIONS}
    assert {"not-found", "conflict"} & by_name["listCalls"] == set()
    assert {"not-found", "conflict", "key-reused", "media-type"} <= by_name["changeContact"]


async def test_the_page_shows_every_operation_type_and_problem(browser: Browsers) -> None:
    page = await browser().page("/api")
    assert [each["data-operation"] for each in page.all(data_operation=True)]
    assert {each["data-operation"] for each in page.all(data_operation=True)} == {each.name for each in OPERATIONS}
    ids = {each["id"] for each in page.all(id=True)}
    assert {f"type-{each.answers.__name__}" for each in OPERATIONS if each.answers} | set(STATUS) <= ids
    links = {each["href"][1:] for each in page.all("a", href=True) if each["href"].startswith("#")}
    assert links <= ids
    assert not [each for each in page.all("script") if not each["src"].startswith("/static/")]


def test_types_in_words() -> None:
    assert kind({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}) == "time or null"
    assert kind({"type": "array", "items": {"$ref": "#/components/schemas/Call"}}) == "list of Call"
    assert kind({"type": "integer", "minimum": 1, "maximum": 9}) == "integer, 1 to 9"
