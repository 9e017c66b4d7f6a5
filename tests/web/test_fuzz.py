"""No request, signed or not, is answered by a 5xx: what makes no sense is the sender's mistake, not ours."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import itertools
import json
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote, urlencode

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import HealthCheck, given, settings as examples, strategies as st
from prometheus_client import REGISTRY
from twilio.request_validator import RequestValidator

from tests.kit.raw_http import Raw, hang_up, status_of
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import asking
from tests.kit.web.paid_site import SECRET, Shop
from web.config import SETTINGS, Settings
from web.request import session as request_session

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW")
FORM = "application/x-www-form-urlencoded"
NASTY = [
    "", "\0", "a\0b", "\ud800", "\u200b", "%00", "%ff%fe", "../../etc/passwd", "0" * 5000, "-1", "1e999", "NaN",
    "10" * 10, "🦘" * 50, "'; DROP TABLE members; --", "{{7*7}}", "<script>", "null", "[]", "true", "2026-13-45",
    "0001-01-01", "9999-12-31T23:59:59", "+61412345678", "sip:a@b", "anonymous", "‮alice@acacia.example",
    "ＡＬＩＣＥ＠acacia.example", "alice@xn--", "a@" + "b." * 120 + "c", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
FIELDS = (
    "email", "name", "role", "organisation", "seats", "key", "csrf_token", "session_id", "CallSid", "ParentCallSid",
    "From", "To", "Caller", "CallStatus", "DialCallStatus", "DialCallSid", "CallDuration", "Digits", "Direction",
    "StreamSid", "StreamEvent", "StreamError", "StreamName", "SequenceNumber", "Timestamp", "abn", "legal_name",
    "street", "locality", "region", "postcode", "time_zone", "consent_prompt", "number", "prefix", "pattern",
    "before", "from", "to", "agent", "outcome", "direction", "label", "file", "call", "reason",
)  # fmt: skip
BODIES = [  # content type, other headers, body
    (FORM, (), b"email=%ff%fe&name=\xff"),
    (f"{FORM}; charset=klingon", (), b"email=a@b.example"),
    (f"{FORM}; charset=utf-16", (), b"email=a@b.example"),
    (f"{FORM}; charset=unicode_escape", (), b"email=\\ud800@b.example&name=\\x00"),
    (FORM, (("Content-Encoding", "gzip"),), b"this is no gzip"),
    (FORM, (("Content-Encoding", "gzip"),), gzip.compress(b"a=b")[:-9]),
    (FORM, (("Content-Encoding", "deflate"),), b"\x00\x01\x02"),
    (FORM, (("Content-Encoding", "br"),), b"\x00\x01\x02"),
    (FORM, (("Content-Encoding", "zstd"),), b"\x28\xb5\x2f\xfd\x00"),
    (FORM, (("Content-Encoding", "klingon"),), b"a=b"),
    (FORM, (("Content-Encoding", "gzip"),), gzip.compress(b"a" * 3_000_000)),
    (FORM, (), b"&" * 100_000),
    ("multipart/form-data; boundary=x", (), b"--x\r\nContent-Disposition: form-data; name=email\r\n"
     b"Content-Transfer-Encoding: klingon\r\n\r\na@b.example\r\n--x--\r\n"),
    ("multipart/form-data; boundary=x", (), b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n'
     b"Content-Encoding: gzip\r\n\r\njunk\r\n--x--\r\n"),
    ("multipart/form-data; boundary=x", (), b"--x\r\n\r\n--x"),
    ("multipart/form-data", (), b"email=a@b.example"),
    ("application/json", (), b"[" * 100_000),
    ("application/json; charset=klingon", (), b"{}"),
    ("application/json", (), b'{"available": "\\ud800"}'),
    ("/;;;=\xff", (), b"x"),
    ("", (("Transfer-Encoding", "klingon"),), b"x"),
    ("", (("Expect", "200-maybe"),), b"x"),
    ("", (("Range", "bytes=9-1,-,a"), ("If-Modified-Since", "never"), ("If-None-Match", "\"\xff"),), b""),
    ("", (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "x")), b""),
    ("", (("Cookie", "\"\\777=;;; bilby_session=\xff; __Host-bilby_session=\"a;b\""),), b""),
    ("", (("X-Forwarded-For", "[::1, 1.2.3.4:99999, \xff, unknown"), ("Accept", "text/html;q=\xff")), b""),
    ("", (("Accept-Language", "\xff" * 50), ("Origin", "null"), ("Sec-Fetch-Site", "\xff")), b""),
    ("", (("X-Twilio-Signature", "\xff\xfe"), ("Stripe-Signature", "t=\xff,v1=\xff")), b""),
    ("", (("Stripe-Signature", f"t={'9' * 5000},v1=a"),), b"{}"),
]  # fmt: skip


_GOOD = {
    "CallSid": f"CA{'1' * 32}", "ParentCallSid": f"CA{'2' * 32}", "From": "+61412345678", "Caller": "+61412345678",
    "To": "", "Called": "", "CallStatus": "completed", "DialCallStatus": "completed", "DialCallSid": f"CA{'3' * 32}",
    "CallDuration": "7", "Direction": "inbound", "StreamSid": f"MZ{'4' * 32}", "StreamEvent": "stream-error",
    "StreamError": "gone", "StreamName": "", "SequenceNumber": "1", "Timestamp": "2026-11-28T08:00:00.000Z",
    "ErrorCode": "11200", "ErrorUrl": "https://a.example/",
}  # fmt: skip
_ENDING = ("/sign-out", "/account/sign-out", "/account/leave")  # after these nobody is signed in any more


def _routes(app: web.Application) -> list[tuple[str, str]]:
    """Every route of the application, method and pattern, but the one whose 503 is what it has to say."""
    return sorted(
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical != "/readyz"
    )


def _path(pattern: str, filling: Iterator[str]) -> str:
    filled = re.sub(r"\{\w+\}", lambda _: quote(next(filling), safe="", errors="surrogatepass") or "%20", pattern)
    return filled[:7000]


def _claims(key: str) -> list[str]:
    """Cookies signed with our own secret, whose claims are not ours."""
    good: dict[str, object] = {
        "aud": "sign-in",
        "jti": "0" * 32,
        "sub": "0" * 32,
        "iat": 1,
        "exp": int(time.time()) + 900,
    }
    changed: list[dict[str, object]] = [
        {"exp": 10**18}, {"exp": 10**30}, {"exp": float("inf")}, {"exp": float("nan")}, {"exp": "soon"},
        {"exp": True}, {"exp": [1]}, {"iat": 10**18}, {"iat": -(10**18)}, {"iat": "then"}, {"iat": None},
        {"jti": "\0"}, {"jti": 7}, {"jti": None}, {"jti": ["a"]}, {"sub": "\ud800"}, {"sub": {}}, {"sub": 1.5},
        {"aud": 7}, {"aud": ["sign-in"]}, {"nbf": 10**30}, {"at": 10**30}, {"at": "\0"},
    ]  # fmt: skip
    return [jwt.encode(good | each, key, algorithm="HS256") for each in changed]


def _signed_by_twilio(shop: Shop, method: str, path: str, form: dict[str, str]) -> Raw:
    sent = urlencode(form, errors="surrogatepass").encode()
    seen = {name: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name, value in form.items()}
    token = shop.site.app[SETTINGS].twilio_auth_tokens[0].get_secret_value()
    signature = RequestValidator(token).compute_signature(f"{shop.site.url}{path}", seen)
    return Raw(method, path, [("Content-Type", FORM), ("X-Twilio-Signature", signature)], sent)


def _signed_by_stripe(path: str, body: bytes) -> Raw:
    now = int(time.time())
    signed = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return Raw("POST", path, [("Stripe-Signature", f"t={now},v1={signed}"), ("Content-Type", "text/json")], body)


class Visitor:
    """Sends requests to every route as somebody, and keeps those that were answered by a 5xx."""

    def __init__(self, shop: Shop, cookies: list[str], csrf: str) -> None:
        self.shop = shop
        self.cookies = cookies
        """Of nobody, of an owner, and forged ones."""
        self.csrf = csrf
        self.routes = _routes(shop.site.app)
        self.failed: set[tuple[int, str, str]] = set()
        """Status, method and path, and the start of what was sent."""

    async def send(self, request: Raw) -> None:
        status = await status_of(self.shop.site.url, request)
        if status >= 500:
            sent = f"{[each for each in request.headers if each[0] != 'Cookie']} {request.body[:200]!r}"
            self.failed.add((status, f"{request.method} {request.path[:100]}", sent))

    async def fill_in(self, method: str, pattern: str, path: str, form: dict[str, str]) -> None:
        """Send ``form`` in the way that the route takes one: in the query, signed by Twilio, or by an owner."""
        if pattern.startswith("/twilio/"):
            account = self.shop.site.app[SETTINGS].twilio_account_sid
            await self.send(_signed_by_twilio(self.shop, method, path, form | {"AccountSid": account}))
        elif method == "GET":
            query = urlencode(form, errors="surrogatepass")[:7000]
            await self.send(Raw("GET", f"{path}?{query}", self.as_somebody(self.cookies[1])))
        elif pattern not in _ENDING:
            body = urlencode(form, errors="surrogatepass").encode()
            await self.send(Raw(method, path, [("Content-Type", FORM), *self.as_somebody(self.cookies[1])], body))

    def as_somebody(self, cookie: str) -> list[tuple[str, str]]:
        name = request_session.cookie_name(self.shop.site.app[SETTINGS])
        return [("Cookie", f"{name}={cookie}"), ("X-CSRF-Token", self.csrf)] if cookie else []


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[Account]:
    async with account() as opened:
        yield opened


@pytest.fixture
def settings(settings: Settings, twilio: Account) -> Settings:
    """Twilio is there, so that no 503 is excused by its absence."""
    return asking(settings, twilio)


@pytest_asyncio.fixture
async def visitor(shop: Shop, cast: Cast) -> AsyncIterator[Visitor]:
    owner = await shop.browser().sign_in(cast.alice)
    name = request_session.cookie_name(shop.site.app[SETTINGS])
    (cookie,) = [each.value for each in owner.http.cookie_jar if each.key == name]
    secret = shop.site.app[SETTINGS].session_secret.get_secret_value()
    found = Visitor(shop, ["", cookie, "junk", *_claims(secret)], owner.csrf)
    yield found
    assert not found.failed, sorted(found.failed)[:5]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_every_route_takes_every_method_body_and_header(visitor: Visitor) -> None:
    chosen = random.Random(7)
    filling = iter(lambda: chosen.choice(NASTY), None)
    somebody = itertools.cycle(visitor.cookies[:2])
    for method, pattern in visitor.routes:
        for each in METHODS:
            await visitor.send(Raw(each, _path(pattern, filling), visitor.as_somebody(next(somebody))))
        for kind, headers, body in BODIES:
            mine = [("Content-Type", kind), *headers, *visitor.as_somebody(next(somebody)), ("Accept", "text/html")]
            await visitor.send(Raw(method, _path(pattern, filling), mine, body))


async def test_every_route_takes_every_cookie(visitor: Visitor) -> None:
    for method, pattern in visitor.routes:
        for cookie in visitor.cookies[2:]:
            await visitor.send(Raw(method, _path(pattern, iter(NASTY * 2)), visitor.as_somebody(cookie)))


@pytest.mark.slow
async def test_every_route_takes_every_text_in_every_field(visitor: Visitor) -> None:
    chosen = random.Random(8)
    filling = iter(lambda: chosen.choice(NASTY), None)
    for method, pattern in visitor.routes:
        for first in range(0, len(FIELDS), 8):
            form = {field: next(filling) for field in FIELDS[first : first + 8]}
            await visitor.fill_in(method, pattern, _path(pattern, filling), form)


async def test_every_webhook_takes_every_text_in_one_field_of_a_good_form(visitor: Visitor, cast: Cast) -> None:
    """What is otherwise as Twilio sends it gets further than a form of nonsense."""
    filling = itertools.cycle(NASTY)
    bob = f"client:{cast.bob.id.hex}"
    good = {**_GOOD, "To": cast.number.e164, "Called": cast.number.e164}
    forms = [good, {**good, "From": bob, "Caller": bob, "To": "(02) 9374 4000"}]
    for method, pattern in [each for each in visitor.routes if each[1].startswith("/twilio/")]:
        for form, field in itertools.product(forms, _GOOD):
            await visitor.fill_in(method, pattern, pattern, {**form, field: next(filling)})


_ids = st.sampled_from(["evt_1", "cus_\0", "sub_\ud800", "", "in_" + "x" * 3000, "cs_🦘", "\u0000"])
_scalars = st.one_of(_ids, st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**18), st.text(max_size=9))
_objects = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "object", "customer", "subscription", "status", "items", "data", "metadata", "organisation",
             "organisation_id", "client_reference_id", "quantity", "price", "current_period_end", "lines", "mode"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip
_kinds = st.sampled_from([
    "customer.subscription.updated", "customer.subscription.deleted", "checkout.session.completed", "invoice.paid",
    "invoice.payment_failed", "invoice.finalization_failed", "customer.deleted", "charge.dispute.created",
]) | _ids  # fmt: skip


@examples(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=_kinds, event=_ids, inside=_objects, created=_scalars)
async def test_whatever_stripe_signs_is_no_mistake_of_ours(
    visitor: Visitor, kind: str, event: str, inside: object, created: object
) -> None:
    sent = {"id": event, "object": "event", "type": kind, "created": created, "data": {"object": inside}}
    await visitor.send(_signed_by_stripe("/stripe/webhook", json.dumps(sent).encode()))
    assert not visitor.failed


def _noted(status: str) -> float:
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    return sum(
        each.value
        for each in samples
        if each.name == "bilby_web_requests_total" and each.labels["status"].startswith(status)
    )


async def test_a_client_that_leaves_is_noted_as_such(visitor: Visitor) -> None:
    failed, left = _noted("5"), _noted("499")
    headers = [("Content-Type", FORM), *visitor.as_somebody(visitor.cookies[1])]
    posts = [pattern for method, pattern in visitor.routes if method == "POST"]
    for pattern in posts:
        await hang_up(visitor.shop.site.url, Raw("POST", _path(pattern, iter(NASTY)), headers[:1], b"a=", length=99))
        await hang_up(visitor.shop.site.url, Raw("POST", _path(pattern, iter(NASTY)), headers, b"a=", length=99))
    assert await status_of(visitor.shop.site.url, Raw("GET", "/healthz")) == 200
    while _noted("499") == left:
        assert await status_of(visitor.shop.site.url, Raw("GET", "/healthz")) == 200
    assert _noted("5") == failed
