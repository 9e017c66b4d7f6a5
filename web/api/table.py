"""All operations, and the routes that lead to them. Whatever else is asked under the prefix is a problem, too."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from web.api import blocked, calls, contact_notes, contacts, directory, gate, hooks
from web.api.operations import PREFIX, Operation
from web.api.problems import problem

OPERATIONS: Sequence[Operation] = (
    *calls.OPERATIONS,
    *directory.OPERATIONS,
    *contacts.OPERATIONS,
    *contact_notes.OPERATIONS,
    *blocked.OPERATIONS,
    *hooks.OPERATIONS,
)

_PATHS = sorted({operation.path for operation in OPERATIONS})


def methods_of(path: str) -> Sequence[str]:
    """Return the methods that ``path`` takes, as the table writes it."""
    return sorted({operation.method for operation in OPERATIONS if operation.path == path})


def _unsupported(path: str) -> web.RouteDef:
    async def refuse(request: web.Request) -> web.Response:
        return problem(request, "method", headers={"Allow": ", ".join(methods_of(path))})

    return web.route("*", f"{PREFIX}{path}", refuse)


async def _unknown(request: web.Request) -> web.Response:
    return problem(request, "not-found", "There is no such address. The reference lists all of them.")


routes: Sequence[web.RouteDef] = (
    *(web.route(each.method, f"{PREFIX}{each.path}", gate.handler(each)) for each in OPERATIONS),
    *(_unsupported(path) for path in _PATHS),
    web.route("*", f"{PREFIX}{{rest:(/.*)?}}", _unknown),
)
