"""NATS's passwords are replaced while two nodes share a call: nobody who knows both passwords loses a word."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sandbox.engines.nats import NatsServer, User
from tests.kit.media.media_node import media_node, scripted_vendor


class Replaced(NatsServer):
    """A server with the old passwords; ``after`` is the one with the new passwords that takes its place."""

    def __init__(self, folder: Path, after: NatsServer, *, port: int) -> None:
        super().__init__(folder, port=port)
        self._after = after

    def url(self, user: User) -> str:
        return f"{super().url(user)},{self._after.url(user)}"


# nats-py leaves a connection that NATS refused to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_words_pass_on_from_the_old_password_to_the_new(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    after = NatsServer(tmp_path / "after", port=port)
    before = Replaced(tmp_path / "before", after, port=port)
    async with scripted_vendor() as vendor, AsyncExitStack() as nodes:
        async with before:
            first, second = [
                await nodes.enter_async_context(media_node(before, vendor, port=free_port())) for _ in range(2)
            ]
            for node in (first, second):
                await node.connected()
            screen = await second.screen()
            line = await first.call()
            await line.say("old password")
            await screen.until(lambda: screen.words(line.call) == "old password")
        await line.say("none")
        async with after:
            await line.say("new password")
            await screen.until(lambda: screen.words(line.call) == "old password none new password")
            assert screen.gaps(line.call) == []
            assert screen.types().count("snapshot") == 1
