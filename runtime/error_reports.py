"""Report every logged error to an error tracker: the redacted log line, with types and places but no words.

Each report is one POST of a JSON object: the line as `runtime.logs` writes it, and ``process``. A thread sends them,
so that nothing waits for the tracker. The same error is reported once a minute; a report that finds the queue full is
dropped. Failures to send are counted in the next report and never logged, since that would cause another report.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from runtime.logs import Lines

MOST_WAITING = 100
_REPEAT_SECONDS = 60.0
_SEND_SECONDS = 5.0
_MOST_REMEMBERED = 1000

Send = Callable[[bytes], None]


class ErrorReports(logging.Handler):
    """Pass log lines of at least ERROR to ``send``, in a thread that ends with the process."""

    def __init__(self, process: str, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(Lines(handles_speech=True))  # in every process: a library's text stays on this machine
        self._process = process
        self._send = send
        self._clock = clock
        self._last: dict[str, float] = {}
        self._waiting: queue.Queue[bytes] = queue.Queue(MOST_WAITING)
        self._lost = 0
        threading.Thread(target=self._run, name="error reports", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line, unless the same one was queued within the last minute. Never raise, never wait."""
        try:
            line: dict[str, Any] = json.loads(self.format(record))
            if self._is_new(line):
                report = {**line, "process": self._process, "lost": self._lost}
                self._waiting.put_nowait(json.dumps(report).encode())
        except queue.Full:
            self._lost += 1
        except Exception:
            self.handleError(record)

    def _is_new(self, line: dict[str, Any]) -> bool:
        """Return whether nothing with the same event, error and place was reported within `_REPEAT_SECONDS`."""
        errors = line.get("exception") or [{}]
        key = json.dumps([line.get("event"), errors[0].get("type"), errors[0].get("at") or line.get("at")])
        now = self._clock()
        if now - self._last.get(key, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        if len(self._last) >= _MOST_REMEMBERED:
            self._last.clear()
        self._last[key] = now
        return True

    def _run(self) -> None:
        while True:
            report = self._waiting.get()
            try:
                self._send(report)
            except Exception:  # an error of the tracker must not end this thread
                self._lost += 1


def start(url: str, process: str) -> None:
    """Report the errors of ``process`` to ``url`` (empty: nowhere). Call it after `runtime.logs.configure`."""
    if url:
        logging.getLogger().addHandler(ErrorReports(process, _poster(url)))


def _poster(url: str) -> Send:
    def post(report: bytes) -> None:
        request = urllib.request.Request(url, report, {"Content-Type": "application/json"})  # noqa: S310 (a checked setting)
        with urllib.request.urlopen(request, timeout=_SEND_SECONDS) as answer:  # noqa: S310
            answer.read(1000)

    return post
