"""The OpenAPI document (3.1), made from the table of operations and the types that they name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec
from msgspec import Struct

from db.queries.integrations import events
from db.queries.integrations.events import (
    CallEvent,
    CallEventType,
    MemberEvent,
    MemberEventType,
    NumberEvent,
    NumberEventType,
)
from web.api.idempotency import HEADER, LONGEST
from web.api.operations import PREFIX, Operation
from web.api.problems import MEDIA_TYPE, STATUS, Problem
from web.api.reading import JSON

Schema = dict[str, Any]
_TEMPLATE = "#/components/schemas/{name}"
_ALWAYS = ("invalid", "unauthorised", "scope", "method", "too-many", "failed", "unavailable")
_WRITING = ("in-progress", "key-reused", "too-slow", "too-large")
WEBHOOKS: Mapping[str, type[Struct]] = {
    **dict.fromkeys(get_args(CallEventType), CallEvent),
    **dict.fromkeys(get_args(NumberEventType), NumberEvent),
    **dict.fromkeys(get_args(MemberEventType), MemberEvent),
    events.TEST: events.TestEvent,
}
"""The data of each type of event."""
_ABOUT = (
    "What your own programs may ask: calls, numbers, people, contacts and notes about them. Bilby keeps no word of a "
    "call, so there are none to ask for. Times are UTC, phone numbers E.164, ids UUIDs."
)


def document(operations: Sequence[Operation], public_url: str) -> Mapping[str, Any]:
    """Return the document of ``operations``, whose server is ``public_url``."""
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    queries = {each.query.__name__ for each in operations}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bilby API", "version": "1", "description": _ABOUT},
        "servers": [{"url": f"{public_url}{PREFIX}"}],
        "paths": paths,
        "webhooks": {kind: {"post": _webhook(kind, data)} for kind, data in WEBHOOKS.items()},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of yours."}},
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "responses": {code: _problem(code) for code in STATUS},
        },
    }


def codes(operation: Operation) -> Sequence[str]:
    """Return the problems that may be answered."""
    found = [*_ALWAYS]
    if operation.has_id:
        found.append("not-found")
    if operation.writes:
        found.extend(_WRITING)
    if operation.body is not None:
        found.append("media-type")
    if operation.conflicts:
        found.append("conflict")
    return sorted(found, key=lambda code: (STATUS[code][0], code))


def _schemas(operations: Sequence[Operation]) -> dict[str, Schema]:
    types: dict[type[Struct], None] = {Problem: None, **dict.fromkeys(WEBHOOKS.values())}
    for each in operations:
        types |= dict.fromkeys(kind for kind in (each.query, each.body, each.answers) if kind is not None)
    _, components = msgspec.json.schema_components(list(types), ref_template=_TEMPLATE)
    return components


def _operation(operation: Operation, schemas: Mapping[str, Schema]) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "security": [{"key": [operation.scope]}],
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(JSON, operation.body.__name__)}
    return described


def _parameters(operation: Operation, schemas: Mapping[str, Schema]) -> Iterator[Schema]:
    if operation.has_id:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    for name, schema in schemas[operation.query.__name__].get("properties", {}).items():
        plain = _without_null(schema)
        about = plain.pop("description", None)
        yield {"name": name, "in": "query", "schema": plain} | ({"description": about} if about else {})
    if operation.writes:
        about = "Makes it safe to send this again within 24 hours: it is carried out only once."
        text = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[ -~]+$"}
        yield {"name": HEADER, "in": "header", "description": about, "schema": text}


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a parameter: one that is not given is left out, not null."""
    plain = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    if "enum" in plain:
        plain["enum"] = [each for each in plain["enum"] if each is not None]
    kinds = [each for each in plain.pop("anyOf", []) if each != {"type": "null"}]
    return plain | (kinds[0] if kinds else {})


def _responses(operation: Operation) -> Schema:
    answered: Schema = {"description": "Done."}
    if operation.answers is not None:
        answered |= {"description": "The answer.", "content": _content(JSON, operation.answers.__name__)}
    by_status: dict[str, Schema] = {str(operation.status): answered}
    for code in codes(operation):
        status, title = STATUS[code]
        known = by_status.get(str(status))
        if known is None:
            by_status[str(status)] = {"$ref": f"#/components/responses/{code}"}
        else:  # two problems of one status
            first = known["$ref"].rpartition("/")[2] if "$ref" in known else ""
            words = f"{STATUS[first][1]}; or: {title.lower()}"
            by_status[str(status)] = {"description": words, "content": _content(MEDIA_TYPE, Problem.__name__)}
    return by_status


def _webhook(kind: str, data: type[Struct]) -> Schema:
    sent: Schema = {
        "type": "object",
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": _TEMPLATE.format(name=data.__name__)},
        },
        "required": ["type", "timestamp", "data"],
    }
    return {
        "operationId": kind,
        "summary": data.__doc__,
        "security": [],
        "requestBody": {"required": True, "content": {JSON: {"schema": sent}}},
        "responses": {"2XX": {"description": "It was taken."}, "410": {"description": "Send nothing here any more."}},
    }


def _problem(code: str) -> Schema:
    return {"description": STATUS[code][1], "content": _content(MEDIA_TYPE, Problem.__name__)}


def _content(media_type: str, name: str) -> Schema:
    return {media_type: {"schema": {"$ref": _TEMPLATE.format(name=name)}}}
