"""Run ``python -m media``: read the settings, serve, drain on SIGTERM, stop at once on a second one."""

from __future__ import annotations

from runtime import garbage

garbage.rest()  # before the imports below

import asyncio
import os
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
from runtime.signals import watched


async def serve(settings: Settings) -> int:
    """Serve until a signal asks to stop. Return the exit status."""
    transcribe = Transcribe(
        settings.transcribe_endpoint,
        region=settings.aws_region,
        credentials=AwsCredentialsProvider.new_default_chain(),
    )
    node = uuid.uuid4().hex[:12]
    structlog.contextvars.bind_contextvars(node=node)
    limits = Limits.for_descriptors(raise_descriptor_limit())
    server = Server(settings, transcribe, node, limits=limits)
    signals = watched()
    try:
        async with server.serving() as port:
            garbage.tune()
            structlog.get_logger().info("media serving", port=port, pid=os.getpid())
            await signals.first.wait()
            async with asyncio.TaskGroup() as tasks:
                drained = tasks.create_task(server.drain(settings.drain_seconds))
                stop = tasks.create_task(signals.second.wait())
                await asyncio.wait({drained, stop}, return_when=asyncio.FIRST_COMPLETED)
                server.force_stop = signals.second.is_set()
                drained.cancel()
                stop.cancel()
    except OSError as error:
        print(f"media: MEDIA_PORT: {settings.media_port}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def main() -> int:
    """Read the settings and serve, in one process or several. Return the exit status."""
    forbid_core_dumps()
    settings = read()
    if settings.media_workers > 1:
        return prefork(settings.media_workers, lambda: _run(settings))
    return _run(settings)


def _run(settings: Settings) -> int:
    with observed("media", settings, handles_speech=True):
        return uvloop.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
