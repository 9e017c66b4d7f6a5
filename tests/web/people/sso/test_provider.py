"""What is asked of a provider, and what is done with one that is elsewhere, slow, talkative, or not a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from db.engine import Database, HeldTransactionError
from db.queries.sign_in.identity_providers import Journey
from sandbox.identity.emulator import identity
from web.people.sso import provider as providers
from web.people.sso.provider import LARGEST, Discovered, ProviderError

HERE, PRODUCTION = "http://127.0.0.1:8080", "https://bilby.example.com.au"
JOURNEY = Journey("a state", "a nonce", "v" * 43)


@asynccontextmanager
async def answering(free_port: Callable[[], int], answer: Callable[[str], web.StreamResponse]) -> AsyncIterator[str]:
    """A host that gives what ``answer`` makes of its own address to whatever is asked: that address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def handle(_: web.Request) -> web.StreamResponse:
        return answer(url)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield url
    finally:
        await runner.cleanup()


def document(url: str, **changes: Any) -> dict[str, Any]:
    ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
    return {"issuer": url} | {name: f"{url}/{end}" for name, end in ends.items()} | changes


async def trouble(issuer: str, own_url: str = HERE, seconds: float = 30.0) -> str:
    with pytest.raises(ProviderError) as raised:
        await providers.discover(issuer, own_url=own_url, seconds=seconds)
    return raised.value.trouble


async def test_it_describes_itself(free_port: Callable[[], int]) -> None:
    async with identity(port=free_port(), redirect_uris=[]) as running:
        found = await providers.discover(running.url, own_url=HERE)
    assert found.issuer == running.url
    assert found.token_endpoint == f"{running.url}/token"


@pytest.mark.parametrize(
    "issuer",
    [
        "http://127.0.0.1:8080",
        "https://127.0.0.1",
        "https://10.0.0.8",
        "https://169.254.169.254",
        "https://[::1]",
        "https://localhost",
        "http://login.example.com",
        "https://login.example.com:8443",
        "https://user:word@login.example.com",
        "file:///etc/passwd",
        "",
    ],
)
async def test_in_production_it_must_be_on_the_public_internet(issuer: str) -> None:
    assert await trouble(issuer, PRODUCTION) == "forbidden_address"


@pytest.mark.parametrize("end", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_nor_may_its_document_lead_elsewhere(free_port: Callable[[], int], end: str) -> None:
    def inward(url: str) -> web.Response:
        return web.json_response(document(url, **{end: "https://169.254.169.254/latest"}))

    async with answering(free_port, inward) as url:
        assert await trouble(url) == "forbidden_address"


async def test_an_end_that_becomes_forbidden_is_not_asked(free_port: Callable[[], int]) -> None:
    found = Discovered("https://a.example", "https://a.example", "https://a.example", "https://10.0.0.8/keys")
    with pytest.raises(ProviderError) as raised:
        await providers.keys(found, own_url=PRODUCTION)
    assert raised.value.trouble == "forbidden_address"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda url: web.json_response(document(f"{url}/")), "another_issuer"),
        (lambda url: web.json_response(document(url, code_challenge_methods_supported=["plain"])), "no_pkce"),
        (lambda url: web.json_response({"issuer": url}), "not_understood"),
        (lambda url: web.json_response([]), "not_understood"),
        (lambda url: web.Response(text="<html>"), "not_understood"),
        (lambda url: web.Response(text="[" * 100_000), "not_understood"),
        (lambda url: web.Response(body=b" " * (LARGEST + 1)), "not_understood"),
        (lambda url: web.Response(status=404), "refused"),
        (lambda url: web.Response(status=302, headers={"Location": "https://169.254.169.254/"}), "refused"),
        (lambda url: web.Response(status=500), "unreachable"),
        (lambda url: web.Response(status=429), "unreachable"),
    ],
)
async def test_what_is_no_provider_is_told_apart(
    free_port: Callable[[], int], answer: Callable[[str], web.StreamResponse], expected: str
) -> None:
    async with answering(free_port, answer) as url:
        assert await trouble(url) == expected


async def test_one_that_does_not_listen_or_hangs_is_unreachable(free_port: Callable[[], int]) -> None:
    assert await trouble(f"http://127.0.0.1:{free_port()}") == "unreachable"
    async with identity(port=free_port(), redirect_uris=[]) as running:
        running.server.faults.hang_seconds = 600
        assert await trouble(running.url, seconds=0.3) == "unreachable"


async def test_it_is_never_asked_within_a_transaction(database: Database, free_port: Callable[[], int]) -> None:
    async with identity(port=free_port(), redirect_uris=[]) as running:
        async with database.begin():
            with pytest.raises(HeldTransactionError):
                await providers.discover(running.url, own_url=HERE)
        assert running.asked == []


def test_a_browser_takes_along_what_has_to_come_back() -> None:
    discovered = Discovered("https://a.example", "https://a.example/authorize?tenant=1", "https://a.example", "")
    url = providers.begin_url(discovered, "bilby", JOURNEY, back_to="https://bilby.example/sso/return")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query.pop("code_challenge") not in ("", JOURNEY.verifier)
    assert query == {
        "tenant": "1",
        "response_type": "code",
        "client_id": "bilby",
        "redirect_uri": "https://bilby.example/sso/return",
        "scope": providers.SCOPE,
        "state": JOURNEY.state,
        "nonce": JOURNEY.nonce,
        "code_challenge_method": "S256",
    }
    assert JOURNEY.verifier not in url
