"""Whether Transcribe can be reached: by the last opened connection, or by a probe that opens no stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from awscrt.auth import AwsCredentialsProvider

from media.speech.eventstream import TranscribeError
from media.speech.transcribe import ConnectionTiming, Hearing, Transcribe
from media.speech.transcribe_health import TranscribeHealth
from sandbox.transcribe.emulator import Transcribe as Vendor
from tests.kit.media.media_node import KEYS, scripted_vendor


@pytest_asyncio.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with scripted_vendor() as opened:
        yield opened


def reaching(
    url: str,
    credentials: AwsCredentialsProvider | None = None,
    now: Callable[[], float] = time.monotonic,
    timing: ConnectionTiming = ConnectionTiming(),  # noqa: B008 (frozen)
) -> TranscribeHealth:
    known = credentials or AwsCredentialsProvider.new_static(*next(iter(KEYS.items())))
    client = Transcribe(url, region="ap-southeast-2", credentials=known, timing=timing)
    return TranscribeHealth(client, now)


async def probed(of: TranscribeHealth) -> str | None:
    """What is known after a probe."""
    await of.probe()
    return of.last_error


async def test_a_look_opens_no_stream(vendor: Vendor) -> None:
    assert await probed(reaching(vendor.url)) == ""
    assert (vendor.opened, vendor.refused) == (0, 0)


async def test_nobody_there(free_port: Callable[[], int]) -> None:
    assert await probed(reaching(f"ws://127.0.0.1:{free_port()}")) == "ConnectionRefusedError"


async def test_no_tls_where_it_should_be(vendor: Vendor) -> None:
    assert await probed(reaching(vendor.url.replace("ws://", "wss://"))) in ("SSLError", "ConnectionResetError")


async def test_somebody_else_there() -> None:
    async def mumble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        writer.close()

    async with await asyncio.start_server(mumble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await probed(reaching(f"ws://127.0.0.1:{port}")) == "NoAnswer"


async def test_nobody_answers() -> None:
    leave = asyncio.Event()

    async def stare(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await leave.wait()
        writer.close()

    async with await asyncio.start_server(stare, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        impatient = ConnectionTiming(check=0.2)
        assert await probed(reaching(f"ws://127.0.0.1:{port}", timing=impatient)) == "Timeout"
        leave.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # awscrt's way to tell of it
async def test_no_credentials(vendor: Vendor) -> None:
    def none() -> None:
        raise RuntimeError("none")

    nobody = AwsCredentialsProvider.new_delegate(none)
    assert await probed(reaching(vendor.url, nobody)) == "Credentials"


async def test_what_an_opening_shows_is_remembered(vendor: Vendor) -> None:
    of = reaching(vendor.url)
    vendor.refuse(403)
    with pytest.raises(TranscribeError):
        await of.open(lambda _: None, Hearing("en-AU"))
    assert of.last_error == "AccessDeniedException"
    vendor.accept()
    connection = await of.open(lambda _: None, Hearing("en-AU"))
    assert of.last_error == ""
    connection.abort()
    vendor.refuse(500)
    running = asyncio.get_running_loop().create_task(of.run())
    await asyncio.sleep(0)
    running.cancel()
    assert of.last_error == ""  # a fresh opening knows better than a probe


async def test_a_failed_opening_outlasts_the_looks_that_succeed(vendor: Vendor) -> None:
    clock = [1000.0]
    of = reaching(vendor.url, now=lambda: clock[0])
    vendor.refuse(500)
    with pytest.raises(TranscribeError):
        await of.open(lambda _: None, Hearing("en-AU"))
    vendor.accept()
    clock[0] += 60
    assert await probed(of) == "InternalFailureException"
    clock[0] += 3600
    assert await probed(of) == ""  # nobody called for an hour: the probe is what there is


async def test_a_look_that_fails_is_news_at_any_time(vendor: Vendor, free_port: Callable[[], int]) -> None:
    of = reaching(vendor.url)
    connection = await of.open(lambda _: None, Hearing("en-AU"))
    connection.abort()
    vendor.refuse(None)
    assert await probed(of) not in ("", None)
