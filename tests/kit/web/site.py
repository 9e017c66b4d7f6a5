"""A running web application, and a browser that talks to it."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from jinja2 import Environment
from yarl import URL

from db.engine import Database
from db.models import Member
from db.queries.sign_in import sign_in_links
from tests.kit.browser.page import Page, page_of
from web.app import create_app
from web.config import SETTINGS, Settings
from web.request import session as request_session
from web.request.render import JINJA, STATIC, environment
from web.request.static_files.files import files_in


@functools.cache
def _templates() -> Environment:
    """The templates of every application of this process: to compile one takes longer than most requests."""
    return environment(files_in(STATIC))


def application(settings: Settings, **timing: Any) -> web.Application:
    """The web application, with the templates that the others have; ``timing`` is `create_app`'s."""
    app = create_app(settings, **timing)
    app[JINJA] = _templates()
    return app


@dataclass(frozen=True, slots=True)
class Site:
    """A running web process' application and where it listens."""

    app: web.Application
    url: str


@asynccontextmanager
async def serving(settings: Settings, more_routes: Sequence[web.RouteDef] = (), **timing: Any) -> AsyncIterator[Site]:
    """The web application, listening."""
    app = application(settings, **timing)
    app.add_routes(more_routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        yield Site(app, settings.web_public_url)
    finally:
        await runner.cleanup()


class Browser:
    """Cookies, and the CSRF token as our pages carry it. Redirects are not followed: a test looks at them."""

    def __init__(self, site: Site, database: Database) -> None:
        self._site, self._database = site, database
        self.http = aiohttp.ClientSession(site.url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.csrf = ""

    async def get(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        """The page at ``path``, its text read."""
        return await self._request("GET", path, **options)

    async def page(self, path: str, status: int = 200) -> Page:
        """The page at ``path``, which is answered with ``status``."""
        answer = await self.get(path)
        assert answer.status == status
        return await page_of(answer)

    async def post(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        """Send to ``path``, with the CSRF token if signed in."""
        headers = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        return await self._request("POST", path, headers=headers | options.pop("headers", {}), **options)

    async def sign_in(self, member: Member) -> Browser:
        """Sign ``member`` in as their link does, without its pages: they take three times as long as most tests."""
        answer, settings = web.Response(), self._site.app[SETTINGS]
        sign_in = request_session.begin(answer, settings, member.id)
        self.http.cookie_jar.update_cookies(answer.cookies, URL(self._site.url))
        self.csrf = request_session.csrf_token(sign_in, settings)
        return self

    async def sign_in_by_link(self, member: Member) -> Browser:
        """Open a fresh link of ``member``'s, then the console for its token."""
        async with self._database.begin() as session:
            token = await sign_in_links.create(session, member.id, b"test")
        assert (await self.post(f"/sign-in/{token}")).status == 303
        page = await (await self.get("/console")).text()
        found = re.search('name="csrf-token" content="([0-9a-f]+)"', page)
        assert found, page
        self.csrf = found[1]
        return self

    async def _request(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        headers = {"Accept": "text/html"} | options.pop("headers", {})
        async with self.http.request(method, path, headers=headers, allow_redirects=False, **options) as response:
            await response.read()
            return response
