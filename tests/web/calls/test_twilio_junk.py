"""Signed or not, whatever comes to Twilio's doors is answered: refused, or understood, and never by a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from db.engine import Database
from tests.kit.vendors.twilio_caller import (
    CALL,
    DIALLED,
    INBOUND,
    LEG,
    OUTBOUND,
    WHISPER,
    Twilio,
    available,
    calling,
    calls,
    twilio_of,
)
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings

STATUS, ANSWERED, STREAM = "/twilio/voice/status", "/twilio/voice/answered", "/twilio/stream/status"
PATHS = (INBOUND, OUTBOUND, DIALLED, WHISPER, STATUS, ANSWERED, STREAM)
JUNK = ["", "\x00" * 50, "\u202e", "é" * 20, "9" * 400, "client:\x00", "+"]
FIELDS = (
    "CallSid", "ParentCallSid", "From", "To", "CallStatus", "CallDuration", "Timestamp", "DialCallStatus",
    "DialCallDuration", "StreamSid", "StreamEvent", "StreamError", "Direction", "SequenceNumber", "ErrorCode",
)  # fmt: skip


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


async def raw(site: Site, signature: bytes, body: bytes = b"CallSid=x", path: str = INBOUND) -> int:
    """The status of a request whose signature is these bytes: no client would send them."""
    host, port = str(urlsplit(site.url).hostname), urlsplit(site.url).port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode()
    writer.write(head + b"Content-Length: %d\r\nX-Twilio-Signature: " % len(body) + signature + b"\r\n\r\n" + body)
    status = (await reader.readline()).split()[1]
    writer.close()
    await writer.wait_closed()
    return int(status)


@pytest.mark.parametrize(
    "signature",
    [b"\xff" * 28, b"\xc3\xa9" * 14, "=é".encode() * 9, b"\xe2\x80\xae" * 9, b"\x80", b"a" * 28, b"a" * 5000],
)
async def test_no_bytes_of_a_signature_break_anything(site: Site, signature: bytes) -> None:
    for path in PATHS:
        assert await raw(site, signature, path=path) == 403


@pytest.mark.parametrize("body", [b"\xff\xfe", b"CallSid=%FF%00", b"&" * 300, b"=" * 100, b"%", b"a=%zz"])
async def test_no_bytes_of_a_body_break_anything(site: Site, body: bytes) -> None:
    assert await raw(site, b"a" * 28, body) in (403, 413)


@pytest.mark.parametrize("path", PATHS)
async def test_no_value_of_a_signed_field_breaks_anything(
    cast: Cast, database: Database, twilio: Twilio, path: str
) -> None:
    await available(database, cast.bob)
    good = calling(cast.number) | {"ParentCallSid": LEG} if path in (WHISPER, ANSWERED) else calling(cast.number)
    for field in FIELDS:
        for junk in JUNK:
            assert (await twilio.post(path, good | {field: junk})).status < 500, (field, junk)


@pytest.mark.parametrize("path", [STATUS, ANSWERED])
async def test_an_empty_parent_is_the_call_itself(cast: Cast, database: Database, twilio: Twilio, path: str) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(path, {"CallSid": CALL, "ParentCallSid": "", "CallStatus": "completed"})
    assert answer.status == 204
    (call,) = await calls(database)
    assert call.status == "completed"


@pytest.mark.parametrize("parent", ["x", "CA", "\x00", "null"])
async def test_a_parent_that_is_none_is_refused(cast: Cast, twilio: Twilio, parent: str) -> None:
    assert cast
    answer = await twilio.post(STATUS, {"CallSid": CALL, "ParentCallSid": parent, "CallStatus": "completed"})
    assert answer.status == 400


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_call_sid_is_not_logged(cast: Cast, twilio: Twilio, path: str) -> None:
    said = "0412 345 678 my card number is 4929"
    with capture_logs() as lines:
        await twilio.post(path, calling(cast.number) | {"CallSid": said, "CallStatus": "completed"})
    assert said not in str(lines)
