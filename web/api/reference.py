"""The OpenAPI document as a file, and as a page for people: made on the server, without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from web.api import document
from web.api.document import WEBHOOKS, codes
from web.api.gate import REQUESTS
from web.api.idempotency import HEADER, REPLAYED
from web.api.operations import PREFIX, Operation
from web.api.problems import STATUS
from web.api.table import OPERATIONS
from web.config import SETTINGS
from web.request import access
from web.request.render import render

Schema = Mapping[str, Any]
_TITLES = {
    "calls": "Calls",
    "choices": "Outcomes, tags, breaks",
    "contacts": "Contacts",
    "contact-notes": "Notes about contacts",
    "blocked": "Block list",
    "hooks": "Hooks",
    "members": "Team",
    "numbers": "Numbers",
    "presence": "Presence",
    "samples": "Samples of events",
}

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Field:
    """A field or parameter as shown."""

    name: str
    kind: str
    about: str
    must: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation as shown."""

    operation: Operation
    parameters: Sequence[Field]
    body: Sequence[Field]
    problems: Sequence[str]


@routes.get(f"{PREFIX}/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """Answer the document."""
    return web.json_response(document.document(OPERATIONS, request.app[SETTINGS].web_public_url))


@routes.get("/api")
async def reference(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    await access.current(request)  # so that a signed-in member sees the navigation
    public_url = request.app[SETTINGS].web_public_url
    described = document.document(OPERATIONS, public_url)
    return render(
        request,
        "api/reference.html",
        base=f"{public_url}{PREFIX}",
        resources=_resources(described),
        types={name: list(_fields(schema)) for name, schema in described["components"]["schemas"].items()},
        abouts={name: schema.get("description", "") for name, schema in described["components"]["schemas"].items()},
        webhooks={kind: data.__name__ for kind, data in WEBHOOKS.items()},
        problems=STATUS,
        limit=REQUESTS,
        idempotency=HEADER,
        replayed=REPLAYED,
    )


def _resources(described: Schema) -> Mapping[str, Sequence[Shown]]:
    """Return the operations by the title of what they are about."""
    found: dict[str, list[Shown]] = {}
    for each in OPERATIONS:
        one = described["paths"][each.path][each.method.lower()]
        body = described["components"]["schemas"][each.body.__name__] if each.body is not None else {}
        parameters = [
            Field(it["name"], kind(it["schema"]), it.get("description", ""), it.get("required", False))
            for it in one["parameters"]
        ]
        title = _TITLES[one["tags"][0]]
        found.setdefault(title, []).append(Shown(each, parameters, list(_fields(body)), codes(each)))
    return found


def _fields(schema: Schema) -> Iterator[Field]:
    must = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        yield Field(name, kind(one), one.get("description", ""), name in must)


def kind(schema: Schema) -> str:
    """Return a schema in a few words: ``time or null``, ``one of inbound, outbound``, ``list of Call``."""
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return f"one of {', '.join(str(each) for each in schema['enum'])}"
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    words = {"date-time": "time", "uuid": "id"}.get(schema.get("format", ""), str(schema.get("type", "anything")))
    return words + _bounds(schema)


def _bounds(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f", {schema['minimum']} to {schema['maximum']}"
    return f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
