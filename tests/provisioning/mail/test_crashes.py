"""The three processes apart: web dies after its answer, or provisioning is down; the mail arrives all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from db.engine import Database
from sandbox.mail import Mailbox
from tests.kit.machines.forked import forked
from tests.kit.web.cast import Cast
from tests.kit.web.web_process import environment_of, killed_web
from tests.kit.web.worker_process import QUICK
from web.config import Settings

Post = tuple[Mailbox, int]


def _web(settings: Settings) -> AbstractAsyncContextManager[None]:
    return killed_web(environment_of(settings), settings.web_public_url)


@asynccontextmanager
async def _provisioning(settings: Settings) -> AsyncIterator[None]:
    """One that takes over a dead one's job after a second instead of half a minute; killed at the end."""
    async with forked(QUICK, environment_of(settings), heard=True) as process:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while b"worker started" not in (line := await process.stdout.readline()):
                assert line, "it has ended"
        yield


async def _ask(settings: Settings, email: str) -> None:
    async with (
        aiohttp.ClientSession(settings.web_public_url) as http,
        http.post("/sign-in", data={"email": email}) as answer,
    ):
        assert answer.status == 200


async def test_web_dies_after_its_answer_and_provisioning_was_down(
    database: Database, cast: Cast, settings: Settings, outbox: Post
) -> None:
    async with _web(settings):
        await _ask(settings, cast.bob.email)
    assert not outbox[0].letters
    async with _provisioning(settings):
        letter = await outbox[0].letter_to(cast.bob.email, seconds=60)
    async with (
        _web(settings),
        aiohttp.ClientSession() as http,
        http.post(letter.links[0], allow_redirects=False) as arrived,
    ):
        assert (arrived.status, arrived.headers["Location"]) == (303, "/console")


async def test_provisioning_dies_while_it_sends(
    database: Database, cast: Cast, settings: Settings, outbox: Post
) -> None:
    """Its mail server takes the connection and never answers."""
    taken = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        hanging = settings.model_validate({**dict(settings), "smtp_url": f"smtp://127.0.0.1:{port}"})
        async with (
            _web(settings),
            _provisioning(hanging),
        ):
            await _ask(settings, cast.bob.email)
            async with asyncio.timeout(120):
                await taken.wait()
    assert not outbox[0].letters
    async with _provisioning(settings):
        assert (await outbox[0].letter_to(cast.bob.email, seconds=60)).links
