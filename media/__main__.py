"""``python -m media``: read the settings, serve, drain on SIGTERM, stop at once on a second one."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import uuid

import structlog
import uvloop
from awscrt.auth import AwsCredentialsProvider

from media.config import Settings, read
from media.hardening import forbid_core_dumps
from media.prefork import prefork
from media.server import Server
from media.sockets.acceptor import Limits
from media.speech.transcribe import Transcribe
from runtime.listening import raise_descriptor_limit
from runtime.process import observed


async def serve(settings: Settings) -> int:
    """Run until told to stop; the exit status."""
    transcribe = Transcribe(
        settings.transcribe_endpoint,
        region=settings.aws_region,
        language=settings.transcribe_language,
        credentials=AwsCredentialsProvider.new_default_chain(),
    )
    node = uuid.uuid4().hex[:12]
    structlog.contextvars.bind_contextvars(node=node)
    limits = Limits.for_descriptors(raise_descriptor_limit())
    server = Server(settings, transcribe, node, limits=limits)
    first, second = _signals()
    try:
        async with server.serving() as port:
            _calm_the_collector()
            structlog.get_logger().info("media serving", port=port, pid=os.getpid())
            await first.wait()
            async with asyncio.TaskGroup() as tasks:
                drained = tasks.create_task(server.drain(settings.drain_seconds))
                hurried = tasks.create_task(second.wait())
                await asyncio.wait({drained, hurried}, return_when=asyncio.FIRST_COMPLETED)
                server.hurried = second.is_set()
                drained.cancel()
                hurried.cancel()
    except OSError as error:
        print(f"media: MEDIA_PORT: {settings.media_port}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _calm_the_collector() -> None:
    """What was loaded stays: no need to look at it again. Calls make few cycles, so look for them seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set one after the other by SIGTERM or SIGINT."""
    events = (asyncio.Event(), asyncio.Event())
    loop = asyncio.get_running_loop()

    def ring() -> None:
        events[1 if events[0].is_set() else 0].set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ring)
    return events


def main() -> int:
    """Read the settings and serve, in one process or several; the exit status."""
    forbid_core_dumps()
    settings = read()
    if settings.media_workers > 1:
        return prefork(settings.media_workers, lambda: _run(settings))
    return _run(settings)


def _run(settings: Settings) -> int:
    with observed("media", settings, hears=True):
        return uvloop.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
