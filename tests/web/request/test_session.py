"""The cookie: what it holds, how long, what ends it, its CSRF token; and what every answer forbids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from pydantic import TypeAdapter

from db.engine import Database
from db.queries.members import Members
from runtime.settings import Secret
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site, serving
from web.config import Settings
from web.request import session as request_session
from web.serving.security_headers import content_security_policy, security_headers

Browsers = Callable[[], Browser]


def _cookie(settings: Settings, **changed: object) -> dict[str, str]:
    claims = {
        "aud": "sign-in",
        "jti": str(uuid4()),
        "sub": str(uuid4()),
        "exp": datetime.now(UTC) + timedelta(hours=1),
    } | changed
    return {"Cookie": "bilby_session=" + jwt.encode(claims, settings.session_secret.get_secret_value(), "HS256")}


async def test_the_cookie_lasts_twelve_hours_and_scripts_cannot_read_it(
    cast: Cast, browser: Browsers, settings: Settings
) -> None:
    alice = await browser().sign_in(cast.alice)
    (cookie,) = list(alice.http.cookie_jar)
    assert cookie.key == "bilby_session"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == str(12 * 3600)
    claims = jwt.decode(cookie.value, options={"verify_signature": False})
    assert claims["sub"] == str(cast.alice.id)
    assert claims["exp"] - claims["iat"] == 12 * 3600
    assert "role" not in claims


def test_https_gets_a_host_cookie(settings: Settings) -> None:
    secure = settings.model_copy(update={"web_public_url": "https://app.example.com.au"})
    assert request_session.cookie_name(secure) == "__Host-bilby_session"
    assert "Strict-Transport-Security" in security_headers(secure)
    assert "Strict-Transport-Security" not in security_headers(settings)


async def test_a_good_cookie_of_nobody_signs_nobody_in(cast: Cast, browser: Browsers, settings: Settings) -> None:
    page = await browser().get("/console", headers=_cookie(settings))
    assert (page.status, page.headers["Location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "wrong",
    [{"exp": 0}, {"aud": "console"}, {"sub": "bob"}, {"jti": ""}, {"sub": None}, {"exp": "soon"}, {"jti": 7}],
)
async def test_a_wrong_cookie_signs_nobody_in(
    cast: Cast, browser: Browsers, settings: Settings, wrong: dict[str, object]
) -> None:
    cookie = _cookie(settings, **({"sub": str(cast.bob.id)} | wrong))
    assert (await browser().get("/console", headers=cookie)).status == 303


async def test_a_forged_cookie_signs_nobody_in(cast: Cast, browser: Browsers, settings: Settings) -> None:
    claims = {"aud": "sign-in", "jti": str(uuid4()), "sub": str(cast.bob.id), "exp": 2**33}
    for key, algorithm in (("x" * 64, "HS256"), ("x" * 64, "HS512"), ("", "none")):
        token = jwt.encode(claims, key, algorithm)
        page = await browser().get("/console", headers={"Cookie": f"bilby_session={token}"})
        assert page.status == 303


async def test_signing_out_ends_a_copied_cookie_too(
    cast: Cast, browser: Browsers, settings: Settings, database: Database
) -> None:
    bob = await browser().sign_in(cast.bob)
    (cookie,) = list(bob.http.cookie_jar)
    copied = {"Cookie": f"{cookie.key}={cookie.value}"}
    assert (await browser().get("/console", headers=copied)).status == 200
    assert (await bob.post("/sign-out")).status == 303
    assert list(bob.http.cookie_jar) == []
    assert (await browser().get("/console", headers=copied)).status == 303


async def test_signing_out_stops_the_ringing(cast: Cast, browser: Browsers, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post("/console/availability", json={"available": True})).status == 204
    async with database.begin() as session:
        assert [member.name for member in await Members(session, cast.a.id).to_ring(10)] == ["Bob Brown"]
    await bob.post("/sign-out")
    async with database.begin() as session:
        assert not await Members(session, cast.a.id).to_ring(10)


async def test_signing_out_needs_the_token_as_well(cast: Cast, browser: Browsers) -> None:
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post("/sign-out", headers={"X-CSRF-Token": "0" * 64})).status == 403
    assert (await bob.get("/console")).status == 200
    token, bob.csrf = bob.csrf, ""
    assert (await bob.post("/sign-out", data={"csrf_token": token})).status == 303
    assert (await browser().post("/sign-out")).status == 303  # nobody signed in: nothing to end


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü", "\udcff"])
async def test_a_change_without_the_token_is_refused(cast: Cast, browser: Browsers, token: str | None) -> None:
    bob = await browser().sign_in(cast.bob)
    bob.csrf = ""
    headers = {} if token is None else {"X-CSRF-Token": token}
    answer = await bob.post("/console/availability", json={"available": True}, headers=headers)
    assert answer.status == 403


async def test_the_token_of_another_sign_in_is_refused(cast: Cast, browser: Browsers) -> None:
    bob, again = await browser().sign_in(cast.bob), await browser().sign_in(cast.bob)
    assert bob.csrf != again.csrf
    again.csrf = bob.csrf
    assert (await again.post("/console/availability", json={"available": True})).status == 403


async def test_every_answer_carries_the_safe_headers(cast: Cast, browser: Browsers, site: Site) -> None:
    anyone = browser()
    for path in ("/", "/sign-in", "/nothing", "/healthz", "/console"):
        answer = await anyone.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "Bilby"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Permissions-Policy"].startswith("microphone=(self)")


def test_the_policy_names_what_the_softphone_needs_and_nothing_else(settings: Settings) -> None:
    own = content_security_policy(settings)
    twilio = "wss://voice-js.sydney.twilio.com https://eventgw.au1.twilio.com"
    assert "script-src 'self'; " in own
    assert f"connect-src 'self' ws://127.0.0.1:8081 {twilio}; " in own
    assert "media-src 'self' mediastream:; " in own
    foreign = content_security_policy(
        settings.model_copy(update={"voice_sdk_url": "https://cdn.example.com.au/voice/twilio.min.js"})
    )
    assert "script-src 'self' https://cdn.example.com.au; " in foreign
    assert twilio in foreign
    near = settings.model_copy(update={"voice_sdk_url": "http://127.0.0.1:8090/voice_sdk.js"})
    assert "http://127.0.0.1:8090 ws://127.0.0.1:8090; " in content_security_policy(near)
    assert "twilio.com" not in content_security_policy(near)


async def test_a_new_secret_signs_nobody_out_and_breaks_no_open_page(
    cast: Cast, browser: Browsers, settings: Settings, free_port: Callable[[], int]
) -> None:
    alice = await browser().sign_in(cast.alice)
    old = settings.session_secret.get_secret_value()
    rotated = TypeAdapter(Secret).validate_python(f"{'n' * 32},{old}")
    replaced = TypeAdapter(Secret).validate_python("n" * 32)
    async with _with_secret(settings, rotated, free_port()) as url:
        assert (await alice.get(f"{url}/console")).status == 200
        assert (await alice.post(f"{url}/console/ticket")).status == 200, "the CSRF token of a page open before"
    async with _with_secret(settings, replaced, free_port()) as url:
        assert (await alice.get(f"{url}/console")).status == 303, "signed by a secret that nobody accepts any more"


@asynccontextmanager
async def _with_secret(settings: Settings, secret: Secret, port: int) -> AsyncIterator[str]:
    """Another process, on the same host: browsers have the same cookies there."""
    url = f"http://127.0.0.1:{port}"
    changed = {"session_secret": secret, "web_port": port, "web_public_url": url}
    async with serving(settings.model_copy(update=changed)):
        yield url
