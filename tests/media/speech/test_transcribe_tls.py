"""Transcribe over TLS, in a process that cannot write any file: as in the container, whose root is read-only."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from awscrt.auth import AwsCredentialsProvider

from media.speech.eventstream import TranscribeError
from media.speech.transcribe import Hearing, Transcribe
from sandbox.engines.nats import NatsServer
from tests.kit.machines.certificate import self_signed
from tests.kit.media.media_node import KEYS, Distant, media_process, scripted_vendor

NO_FILES = """
import resource, runpy, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
runpy.run_module("media", run_name="__main__")
"""
"""``python -m media`` that gets an error from every byte it writes to a file, whoever it runs as."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path, "127.0.0.1")


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_words_reach_a_console_though_nothing_can_be_written(
    certificate: Path, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with NatsServer(tmp_path) as nats, scripted_vendor(tls=serving(certificate)) as vendor:
        process = media_process(
            nats, vendor, free_port(), program=("-c", NO_FILES), ssl_cert_file=str(certificate), tmpdir="/nonexistent"
        )
        async with process as node:
            await _hear(node)
            assert vendor.opened == 1


async def _hear(node: Distant) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("nothing is written down")
    await screen.until(lambda: screen.words(line.call) == "nothing is written down")


async def test_a_look_goes_through_the_same_tls_as_a_call(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = AwsCredentialsProvider.new_static(*next(iter(KEYS.items())))
    async with scripted_vendor(tls=serving(certificate)) as vendor:
        stranger = Transcribe(vendor.url, region="ap-southeast-2", credentials=credentials)
        with pytest.raises(TranscribeError) as looked:
            await stranger.check_reachable()
        with pytest.raises(TranscribeError) as opened:
            await stranger.open(lambda _: None, Hearing("en-AU"))
        assert looked.value.kind == opened.value.kind == "SSLCertVerificationError"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = Transcribe(vendor.url, region="ap-southeast-2", credentials=credentials)
        await trusted.check_reachable()
        (await trusted.open(lambda _: None, Hearing("en-AU"))).abort()
        await vendor.until(lambda: vendor.opened == 1)


async def test_a_process_that_cannot_write_is_what_we_think_it_is(tmp_path: Path) -> None:
    """The harness itself: a file written in such a process fails, or the first test would show nothing."""
    writes = NO_FILES.replace('runpy.run_module("media", run_name="__main__")', 'open("x", "wb", 0).write(b"y")')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", writes), cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    assert b"File too large" in complaint
    assert (tmp_path / "x").read_bytes() == b""
