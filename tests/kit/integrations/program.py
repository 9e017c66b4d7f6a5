"""A program of an organisation's own, which shows a key of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

import aiohttp

from db.engine import Database
from db.models import Member
from db.queries.integrations.api_keys import ApiKeys, Issued, Scope

SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Got:
    """An answer: its body is None if there is none."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        assert self.body["status"] == self.status
        assert self.body["type"].endswith(f"#{self.body['code']}")
        return str(self.body["code"])


class Program:
    """Asks the API at ``url``, with ``token``."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self._http = http
        self.token = token

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Got:
        """Ask ``path`` under the API's prefix."""
        shown = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._http.request(method, f"/api/v1{path}", headers=shown | (headers or {}), **options) as answer:
            sent = await answer.read()
            return Got(answer.status, dict(answer.headers), await answer.json(content_type=None) if sent else None)

    async def get(self, path: str, **query: str) -> Got:
        """Read."""
        return await self.ask("GET", path, params=query)


async def issue(
    database: Database, member: Member, scopes: Collection[Scope] = SCOPES, lasts: timedelta | None = None
) -> Issued:
    """Make a key, as ``member`` would."""
    async with database.begin() as session:
        keys = ApiKeys(session, member.organisation_id)
        return await keys.issue(name="CRM", scopes=scopes, created_by=member.id, lasts=lasts)


@asynccontextmanager
async def program(url: str, token: str) -> AsyncIterator[Program]:
    """Yield a program that shows ``token`` to the site at ``url``."""
    async with aiohttp.ClientSession(url) as http:
        yield Program(http, token)
