"""``python -m sandbox.world``: the vendors, in one process apart from the product's.

The post office opens last, so its page answers when everything does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys

from sandbox.config import HOST, Secrets, Settings
from sandbox.mail import post_office


async def serve(settings: Settings, kept: Secrets) -> None:
    """Be the outside world until SIGTERM or SIGINT. Raises `OSError` when a port is taken."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(
            post_office(host=HOST, smtp_port=settings.smtp_port, page_port=settings.mail_port)
        )
        await told.wait()


def main() -> int:
    """Run the outside world; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings()
    try:
        asyncio.run(serve(settings, Secrets.kept_in(settings.dir)))
    except OSError as error:
        print(f"outside world: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
