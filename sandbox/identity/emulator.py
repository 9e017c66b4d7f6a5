"""The provider's pages and endpoints.

    async with identity(port=8096, redirect_uris=["http://127.0.0.1:8080/sso/return"]) as provider:
        provider.server.rotate()

Its first page says what to type into Bilby. Signing in takes no password: one picks who one is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error
from yarl import URL

from sandbox.identity.people import PEOPLE, Person
from sandbox.identity.server import SCOPES, Client, Request, Server

CLIENT_ID = "bilby"

_PAGE = """<!doctype html>
<html lang="en-AU"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }}
button {{ font: inherit; display: block; width: 100%; margin: .5rem 0; padding: .6rem; }}
dt {{ font-weight: 600; }} dd {{ margin: 0 0 .6rem; overflow-wrap: anywhere; }}
:root {{ color-scheme: light dark; }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


@dataclass(slots=True)
class Identity:
    """A running provider, for tests and for whoever wires the sandbox."""

    server: Server
    people: list[Person]
    asked: list[str]
    """The paths that programs have asked for, in order."""
    signed_out: int = 0

    @property
    def url(self) -> str:
        """The issuer."""
        return self.server.issuer

    async def page(self, _: web.Request) -> web.Response:
        """Say what to type into Bilby."""
        client = self.server.client
        facts = {
            "Issuer": self.url,
            "Client id": client.client_id,
            "Client secret": client.secret,
            "Claim with roles": "groups",
            "Its values": ", ".join(sorted({group for person in self.people for group in person.groups})),
        }
        listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
        return _html("An identity provider", f"<dl>{listed}</dl>")

    async def discovery(self, _: web.Request) -> web.Response:
        """Describe the provider (OpenID Connect Discovery 1.0)."""
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "end_session_endpoint": f"{self.url}/leave",
                "scopes_supported": list(SCOPES),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": [self.server.client.auth_method],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                **self.server.faults.discovery,
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        """Publish the keys that sign."""
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.server.keys]})

    async def ask(self, request: web.Request) -> web.Response:
        """Ask who somebody is, once the program's request is in order."""
        try:
            self.server.get_consent_grant(Request("GET", request.query, {}, request.headers))
        except OAuth2Error as error:
            return _html("Refused", f"<p>{escape(str(error))}</p>", status=400)
        buttons = "".join(
            f'<button name="person" value="{escape(each.email)}">{escape(each.name)}, {escape(each.email)}</button>'
            for each in self.people
        )
        no = '<button name="person" value="">Cancel</button>'
        return _html("Who are you?", f'<form method="post">{buttons}{no}</form>')

    async def answer(self, request: web.Request) -> web.Response:
        """Send the browser back with a code, or with what went wrong."""
        form = await request.post()
        person = next((each for each in self.people if each.email == form.get("person")), None)
        asked = Request("POST", request.query, {}, request.headers)
        try:
            grant = self.server.get_consent_grant(asked, end_user=person)
        except OAuth2Error as error:
            return _html("Refused", f"<p>{escape(str(error))}</p>", status=400)
        answer: web.Response = self.server.create_authorization_response(asked, grant_user=person, grant=grant)
        if "Location" in answer.headers:  # RFC 9207
            answer.headers["Location"] += "&" + urlencode({"iss": self.url})
        return answer

    async def token(self, request: web.Request) -> web.Response:
        """Issue tokens for a code."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer: web.Response = self.server.create_token_response(Request("POST", {}, form, request.headers))
        return answer

    async def userinfo(self, request: web.Request) -> web.Response:
        """Say who an access token is about."""
        person = self.server.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return web.Response(status=401) if person is None else web.json_response(self.server.about(person))

    async def leave(self, request: web.Request) -> web.Response:
        """End the sign-in here, and send the browser back where the client is known."""
        to, client = request.query.get("post_logout_redirect_uri", ""), self.server.client
        known = {f"{URL(each).origin()}/sign-in" for each in client.redirect_uris}
        if request.query.get("client_id") != client.client_id or to not in known:
            return _html("Refused", "<p>Which program sends you, and where to?</p>", status=400)
        self.signed_out += 1
        raise web.HTTPFound(to)


@contextlib.asynccontextmanager
async def identity(
    *,
    port: int,
    redirect_uris: Sequence[str],
    host: str = "127.0.0.1",
    people: Sequence[Person] = PEOPLE,
    client_secret: str = "a secret: +%/é of 1 client",
    auth_method: str = "client_secret_post",
) -> AsyncIterator[Identity]:
    """Run a provider on ``host``:``port``. Raise `OSError` when the port is taken."""
    client = Client(CLIENT_ID, client_secret, list(redirect_uris), auth_method)
    provider = Identity(Server(client), list(people), [])
    provider.server.issuer = f"http://{host}:{port}"
    app = web.Application(middlewares=[_spoilt(provider)])
    app.add_routes(
        [
            web.get("/", provider.page),
            web.get("/.well-known/openid-configuration", provider.discovery),
            web.get("/keys", provider.keys),
            web.get("/authorize", provider.ask),
            web.post("/authorize", provider.answer),
            web.post("/token", provider.token),
            web.get("/userinfo", provider.userinfo),
            web.get("/leave", provider.leave),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield provider
    finally:
        await runner.cleanup()


def _spoilt(provider: Identity) -> Any:
    """Let the provider be slow, or down, to programs."""

    @web.middleware
    async def spoilt(request: web.Request, handler: Any) -> web.StreamResponse:
        faults = provider.server.faults
        if request.path not in ("/", "/authorize", "/leave"):
            provider.asked.append(request.path)
            await asyncio.sleep(faults.hang_seconds)
            if faults.status != 200:
                return web.Response(status=faults.status, text="not today")
        answer: web.StreamResponse = await handler(request)
        return answer

    return spoilt


def _html(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(status=status, content_type="text/html", text=_PAGE.format(title=escape(title), body=body))
