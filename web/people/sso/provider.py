"""What we ask an identity provider: its discovery document, its keys, a token for a code, and who somebody is.

Nothing is kept between two sign-ins: keys change, and a sign-in can wait for three more requests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from db.engine import refuse_in_transaction
from db.models import IdentityProvider
from db.queries.sign_in.identity_providers import Journey
from provisioning.egress import guard
from provisioning.egress.guard import UnreachableError
from provisioning.egress.targets import WrongUrlError, target
from runtime.answers import first_bytes

SECONDS = 8.0  # for one request; a browser waits for up to four of them
LARGEST = 256 * 1024  # bytes of an answer
SCOPE = "openid email profile"
_Shape = TypeVar("_Shape")
_DISCOVERY = "/.well-known/openid-configuration"

Trouble = Literal["forbidden_address", "unreachable", "refused", "not_understood", "another_issuer", "no_pkce"]


class ProviderError(Exception):
    """The provider did not answer, or not as OpenID Connect has it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Discovered(msgspec.Struct, frozen=True):
    """The discovery document, as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    code_challenge_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class Issued(msgspec.Struct, frozen=True):
    """What the token endpoint gives for a code."""

    access_token: str
    id_token: str


async def discover(issuer: str, *, own_url: str, seconds: float = SECONDS) -> Discovered:
    """Return the issuer's discovery document, if it comes within ``seconds``. Raise `ProviderError`."""
    found = _as(Discovered, await _ask("GET", issuer.rstrip("/") + _DISCOVERY, own_url=own_url, seconds=seconds))
    if found.issuer != issuer:
        raise ProviderError("another_issuer")
    if found.code_challenge_methods_supported is not None and "S256" not in found.code_challenge_methods_supported:
        raise ProviderError("no_pkce")
    for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
        _check(url, own_url)
    return found


def begin_url(discovered: Discovered, client_id: str, journey: Journey, *, back_to: str) -> str:
    """Return where the browser goes."""
    return str(
        prepare_grant_uri(
            discovered.authorization_endpoint,
            client_id,
            "code",
            redirect_uri=back_to,
            scope=SCOPE,
            state=journey.state,
            nonce=journey.nonce,
            code_challenge=create_s256_code_challenge(journey.verifier),
            code_challenge_method="S256",
        )
    )


def leave_url(discovered: Discovered, client_id: str, *, back_to: str, own_url: str) -> str | None:
    """Return where the browser ends its sign-in at the provider; None if the provider has no such page."""
    if discovered.end_session_endpoint is None:
        return None
    _check(discovered.end_session_endpoint, own_url)
    joined = "&" if "?" in discovered.end_session_endpoint else "?"
    query = urlencode({"client_id": client_id, "post_logout_redirect_uri": back_to})
    return f"{discovered.end_session_endpoint}{joined}{query}"


async def redeem(
    discovered: Discovered, provider: IdentityProvider, code: str, verifier: str, *, back_to: str, own_url: str
) -> Issued:
    """Return what the provider issues for ``code``. Raise `ProviderError`."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back_to, "code_verifier": verifier}
    auth, client = "client_secret_post", (provider.client_id, provider.client_secret)
    if auth not in discovered.token_endpoint_auth_methods_supported:
        # RFC 6749, 2.3.1: each is encoded before the two are joined; Authlib leaves that out.
        auth, client = "client_secret_basic", (quote(client[0], safe=""), quote(client[1], safe=""))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url, headers, body = ClientAuth(*client, auth).prepare(
        "POST", discovered.token_endpoint, headers, urlencode(fields)
    )
    return _as(Issued, await _ask("POST", url, own_url=own_url, headers=headers, body=body))


async def keys(discovered: Discovered, *, own_url: str) -> Mapping[str, Any]:
    """Return the keys by which the provider signs now. Raise `ProviderError`."""
    return _as(dict[str, Any], await _ask("GET", discovered.jwks_uri, own_url=own_url))


async def userinfo(discovered: Discovered, access_token: str, *, own_url: str) -> Mapping[str, Any]:
    """Return what the provider says of whom the token is about. Raise `ProviderError`."""
    if discovered.userinfo_endpoint is None:
        return {}
    headers = {"Authorization": f"Bearer {access_token}"}
    url = discovered.userinfo_endpoint
    return _as(dict[str, Any], await _ask("GET", url, own_url=own_url, headers=headers))


def _check(url: str, own_url: str) -> None:
    try:
        target(url, own_url=own_url)
    except WrongUrlError:
        raise ProviderError("forbidden_address") from None


async def _ask(
    method: str,
    url: str,
    *,
    own_url: str,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    seconds: float = SECONDS,
) -> Any:
    refuse_in_transaction("an identity provider")
    sent = {"Accept": "application/json", **(headers or {})}
    try:
        async with asyncio.timeout(seconds):
            place = await guard.look_up(url, own_url=own_url)
            async with (
                guard.client_of(place, seconds=seconds) as http,
                http.request(method, place.to.url, data=body, headers=sent, allow_redirects=False) as answer,
            ):
                return _read(answer.status, await _body(answer))
    except UnreachableError as error:
        raise ProviderError("forbidden_address" if error.why == "forbidden_address" else "unreachable") from None
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        raise ProviderError("unreachable") from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = await first_bytes(answer, LARGEST + 1)
    if len(body) > LARGEST:
        raise ProviderError("not_understood")
    return body


def _read(status: int, body: bytes) -> Any:
    if status >= 500 or status == 429:
        raise ProviderError("unreachable")
    if status != 200:
        raise ProviderError("refused")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError("not_understood") from None


def _as(shape: type[_Shape], value: Any) -> _Shape:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        raise ProviderError("not_understood") from None
