"""The emulated provider refuses what real ones refuse: other addresses, clients, codes, and requests without PKCE."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from sandbox.identity.emulator import CLIENT_ID, Identity, identity

BACK = "http://127.0.0.1:8080/sso/return"
VERIFIER = "v" * 43
SECRET = "a secret"


@pytest_asyncio.fixture
async def provider(free_port: Callable[[], int]) -> AsyncIterator[Identity]:
    """A provider with one client."""
    async with identity(port=free_port(), redirect_uris=[BACK], client_secret=SECRET) as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser, and a program."""
    async with aiohttp.ClientSession() as session:
        yield session


def asked(**changes: str) -> dict[str, str]:
    good = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": BACK,
        "scope": "openid email",
        "state": "s",
        "nonce": "n",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (good | changes).items() if value}


async def code_of(provider: Identity, http: aiohttp.ClientSession, nonce: str = "n") -> str:
    url, form = f"{provider.url}/authorize", {"person": "ari@bluegum.example"}
    async with http.post(url, params=asked(nonce=nonce), data=form, allow_redirects=False) as answer:
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (query["state"], query["iss"]) == (["s"], [provider.url])
    return query["code"][0]


def redeemed(code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
    } | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"redirect_uri": f"{BACK}/"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"nonce": ""},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
    ],
)
async def test_a_wrong_request_is_refused(
    provider: Identity, http: aiohttp.ClientSession, changes: dict[str, str]
) -> None:
    async with http.get(f"{provider.url}/authorize", params=asked(**changes)) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "another"},
        {"client_secret": "another"},
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/"},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"grant_type": "password"},
    ],
)
async def test_a_code_is_issued_tokens_for_as_it_was_asked_for(
    provider: Identity, http: aiohttp.ClientSession, changes: dict[str, str]
) -> None:
    sent = redeemed(await code_of(provider, http)) | changes
    async with http.post(f"{provider.url}/token", data=sent) as answer:
        assert answer.status in (400, 401)


async def test_a_code_and_a_nonce_are_good_once(provider: Identity, http: aiohttp.ClientSession) -> None:
    code = await code_of(provider, http)
    for status in (200, 400):
        async with http.post(f"{provider.url}/token", data=redeemed(code)) as answer:
            assert answer.status == status
    async with http.get(f"{provider.url}/authorize", params=asked()) as answer:
        assert answer.status == 400


async def test_who_a_token_is_about_is_told_to_its_holder(provider: Identity, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{provider.url}/token", data=redeemed(await code_of(provider, http))) as answer:
        token = (await answer.json())["access_token"]
    for sent, status in ((token, 200), ("another", 401)):
        async with http.get(f"{provider.url}/userinfo", headers={"Authorization": f"Bearer {sent}"}) as answer:
            assert answer.status == status


async def test_it_sends_those_who_leave_nowhere_else(provider: Identity, http: aiohttp.ClientSession) -> None:
    for to, status in (("http://127.0.0.1:8080/sign-in", 302), ("https://evil.example/", 400)):
        query = {"client_id": CLIENT_ID, "post_logout_redirect_uri": to}
        async with http.get(f"{provider.url}/leave", params=query, allow_redirects=False) as answer:
            assert answer.status == status
