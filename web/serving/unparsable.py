"""Requests that are no HTTP, as scanners send them: aiohttp answers 400, and here they are counted.

aiohttp logs each of them as an error, with a traceback: one scanner could fill the log, and wake somebody up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import Counter

EVERY_SECONDS = 60.0  # at most one line in that time, however many come

_log = structlog.get_logger(__name__)
_unparsable = Counter("bilby_web_requests_unparsable", "Requests that were no HTTP and were answered 400.")


class Unparsable(logging.Filter):
    """Stands in front of aiohttp's log: counts unparsable requests, and tells of them seldom."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next = float("-inf")
        self._untold = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` is about anything else, and so is kept."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        _unparsable.inc()
        self._untold += 1
        now = self._clock()
        if now >= self._next:
            _log.warning("unparsable requests", count=self._untold, last=type(error).__name__)
            self._next, self._untold = now + EVERY_SECONDS, 0
        return False


def server_log(clock: Callable[[], float] = time.monotonic) -> logging.Logger:
    """Return the log for an `aiohttp.web.AppRunner`, below aiohttp's own."""
    log = logging.Logger("aiohttp.server.web")
    log.parent = logging.getLogger("aiohttp.server")
    log.addFilter(Unparsable(clock))
    return log
