"""Only what Twilio signed is believed: the signature alone, then on a real listener."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer
from hypothesis import given, strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from web.calls.twilio_request import LARGEST_FORM, is_signed, verified_form
from web.serving.middlewares import answer_errors

ACCOUNT = "AC" + "1" * 32
ORIGIN = "https://app.example.au"
PATH = "/twilio/voice/inbound"
TOKENS = ["primary-token", "secondary-token"]
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


def sign(form: dict[str, str], path: str = PATH, token: str = TOKENS[0], origin: str = ORIGIN) -> str:
    return str(RequestValidator(token).compute_signature(origin + path, form))


def test_the_documented_example_is_signed() -> None:
    form = MultiDict(
        CallSid="CA1234567890ABCDE",
        Caller="+14158675309",
        Digits="1234",
        From="+14158675309",
        To="+18005551212",
    )
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert is_signed(["other", "12345"], url, form, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not is_signed(["other"], url, form, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


@given(st.none() | st.text(max_size=60), st.text(max_size=40))
def test_a_garbled_signature_or_url_is_refused_not_raised(signature: str | None, path: str) -> None:
    assert not is_signed(TOKENS, "https://app.example.au:" + path, MultiDict(a="b"), signature)


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10)), st.text(min_size=1, max_size=5))
def test_a_changed_form_is_refused(form: dict[str, str], more: str) -> None:
    signature = RequestValidator(TOKENS[0]).compute_signature(ORIGIN, form)
    assert is_signed(TOKENS, ORIGIN, MultiDict(form), signature)
    assert not is_signed(TOKENS, ORIGIN, MultiDict({**form, "added": more}), signature)


async def _echo(request: web.Request) -> web.Response:
    form = await verified_form(request, origin=ORIGIN, tokens=TOKENS, account=ACCOUNT)
    return web.json_response(dict(form))


@pytest.fixture
async def server() -> AsyncIterator[BaseTestServer]:
    app = web.Application(middlewares=[answer_errors])
    app.router.add_post(PATH, _echo)
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as client:
        yield client


FORM = {"AccountSid": ACCOUNT, "CallSid": "CA" + "2" * 32, "CallerName": "", "City": "Wagga Wagga & Ünder"}


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("path", [PATH, PATH + "?x=1&y=a%20b"])
async def test_any_of_the_tokens_and_any_query_is_good(
    server: BaseTestServer, client: ClientSession, token: str, path: str
) -> None:
    headers = {"X-Twilio-Signature": sign(FORM, path, token)}
    url = str(server.make_url("/")).rstrip("/") + path + "#e=sydney"
    async with client.post(url, data=FORM, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.json() == FORM


@pytest.mark.parametrize(
    "signature", [None, "", "nonsense", "é", "=" * 28, sign(FORM, origin="https://evil.example")]
)
async def test_other_signatures_get_403(server: BaseTestServer, client: ClientSession, signature: str | None) -> None:
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    async with client.post(server.make_url(PATH), data=FORM, headers=headers) as answer:
        assert answer.status == 403


async def test_another_account_gets_403(server: BaseTestServer, client: ClientSession) -> None:
    form = {**FORM, "AccountSid": "AC" + "9" * 32}
    headers = {"X-Twilio-Signature": sign(form)}
    async with client.post(server.make_url(PATH), data=form, headers=headers) as answer:
        assert answer.status == 403


async def test_json_gets_415_even_when_its_url_is_signed(server: BaseTestServer, client: ClientSession) -> None:
    headers = {"X-Twilio-Signature": sign({})}
    async with client.post(server.make_url(PATH), json=FORM, headers=headers) as answer:
        assert answer.status == 415


@pytest.mark.parametrize("body", [b"a=" + b"b" * LARGEST_FORM, b"&".join([b"a=b"] * 1000)])
async def test_floods_get_413(server: BaseTestServer, client: ClientSession, body: bytes) -> None:
    async with client.post(server.make_url(PATH), data=body, headers=FORM_TYPE) as answer:
        assert answer.status == 413


@pytest.mark.parametrize("body", [b"", b"\xff\xfe=\x00", b"%ff%fe=%00", b"&&&==", urlencode(FORM).encode("utf-16")])
async def test_bodies_that_are_no_form_get_403(server: BaseTestServer, client: ClientSession, body: bytes) -> None:
    headers = FORM_TYPE | {"X-Twilio-Signature": sign(FORM)}
    async with client.post(server.make_url(PATH), data=body, headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(urlencode(FORM).encode())[:-30]], ids=["none", "cut"])
async def test_a_broken_encoding_is_a_bad_request(server: BaseTestServer, client: ClientSession, body: bytes) -> None:
    headers = FORM_TYPE | {"X-Twilio-Signature": sign(FORM), "Content-Encoding": "gzip"}
    async with client.post(server.make_url(PATH), data=body, headers=headers) as answer:
        assert answer.status in (400, 403)
