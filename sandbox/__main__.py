"""``python -m sandbox``: all of Bilby and the outside world on this machine, until Ctrl-C.

Exit status 0 after Ctrl-C or SIGTERM, 1 when a part did not start or ended by itself, 2 for a wrong setting.
"""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator

import structlog
import uvloop

from runtime import signals
from runtime.settings import load
from sandbox.config import Settings
from sandbox.demo_organisation import ORGANISATION, invitations
from sandbox.engines import log_watch
from sandbox.engines.processes import StartError
from sandbox.stack import Stack, running

_RULE = "-" * 100


def _say(line: str) -> None:
    print(line, flush=True)


async def _live(settings: Settings) -> None:
    """Start, print the links, and watch until a part ends or we are cancelled."""
    began = time.monotonic()
    _say(f"Starting Bilby and its outside world (state and logs: {settings.dir})")
    async with running(settings, _say) as bilby:
        garbage.tune()
        _say(f"Up after {time.monotonic() - began:.1f} s.\n{_RULE}")
        await _print_links(bilby)
        _print_pages(settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(log_watch.watch([child.log for child in bilby.children], _say))
            tasks.create_task(_answer_enter(bilby))
            await bilby.until_one_ends()


async def _print_links(bilby: Stack) -> None:
    _say(f"Sign in at {ORGANISATION} (each link works once, for 15 minutes; Enter prints fresh ones):")
    for invitation in await invitations(bilby.database, bilby.settings.web_url):
        _say(f"  {invitation.role:<11}{invitation.name:<13}{invitation.link}")


def _print_pages(settings: Settings) -> None:
    """Print where to go on from. What ends in ``:port/`` is an emulated vendor's own first page."""
    pages = {
        "Sign up as a new customer": f"{settings.web_url}/pricing",
        "Telephone, test calls": f"{settings.twilio_url}/",
        "Mail Bilby has sent": f"{settings.outbox_url}/",
        "Payments, clock, webhooks": f"{settings.stripe_url}/",
        "Identity provider": f"{settings.identity_url}/",
        "Bundles, numbers, failures": f"{settings.twilio_url}/sandbox/numbers",
    }
    _say("\n" + "\n".join(f"{name + ':':<28}{url}" for name, url in pages.items()))
    _say(f"{_RULE}\nCtrl-C stops everything.")


async def _answer_enter(bilby: Stack) -> None:
    """Print fresh links whenever a line is entered."""
    async for _ in _lines_entered():
        await _print_links(bilby)


async def _lines_entered() -> AsyncIterator[None]:
    """Yield once for each line that is entered. Never yield where nobody can type (no stdin, a file, its end)."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()

    def read(descriptor: int) -> None:
        if os.read(descriptor, 4096):
            typed.set()
        else:
            loop.remove_reader(descriptor)

    with contextlib.suppress(AttributeError, OSError):  # no stdin at all; one that cannot be waited for
        loop.add_reader(sys.stdin.fileno(), read, sys.stdin.fileno())
    while await typed.wait():
        typed.clear()
        yield


async def _until_told(settings: Settings) -> None:
    """Run `_live` until SIGINT or SIGTERM. Later ones change nothing: stopping is a matter of seconds already."""
    await signals.run_until(_told(signals.watched()), _live(settings))


async def _told(received: signals.Signals) -> None:
    await received.first.wait()
    _say("\nStopping ...")


def _complaints(group: BaseExceptionGroup[BaseException]) -> list[str]:
    """Return the text of every `StartError` in the group. Raise everything else in it."""
    known, rest = group.split(StartError)
    if rest is not None:
        raise rest
    return [str(error) for error in _leaves(known)]


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error] if error is not None else []


def main() -> int:
    """Run the sandbox. Return the exit status."""
    settings = load("sandbox", Settings, prefix="SANDBOX_")
    # What the product's code, at work for the demo organisation, says on the way: whatever matters is a `StartError`.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        uvloop.run(_until_told(settings))
    except BaseExceptionGroup as group:
        print("\n".join(["", *_complaints(group), "Everything else was stopped."]), file=sys.stderr)
        return 1
    _say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
