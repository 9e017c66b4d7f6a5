"""Run ``python -m media``: read the settings, serve, drain on SIGTERM, stop at once on a second one."""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below

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


async def serve(settings: Settings) -> None:
    """Serve until a signal asks to stop."""
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
    async with server.serving() as port:
        garbage.tune()
        structlog.get_logger().info("media serving", port=port, pid=os.getpid())
        await signals.first.wait()
        server.force_stop = not await signals.drain(server.drain(settings.drain_seconds))


def main() -> int:
    """Read the settings and serve, in one process or several. Return the exit status."""
    forbid_core_dumps()
    settings = read()
    if settings.media_workers > 1:
        return prefork(settings.media_workers, lambda: _run(settings))
    return _run(settings)


def _run(settings: Settings) -> int:
    with observed("media", settings, handles_speech=True):
        uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
