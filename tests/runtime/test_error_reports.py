"""Errors reach the tracker as types and places, once a minute each, and never delay the process."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from runtime import logs
from runtime.error_reports import MOST_WAITING, ErrorReports

WORD = "bandicoot"
SECONDS = 60


class Tracker:
    """Records what was sent, in order."""

    def __init__(self) -> None:
        self.sent: queue.Queue[bytes] = queue.Queue()
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_asked = threading.Event()

    def send(self, report: bytes) -> None:
        self.is_asked.set()
        self.is_open.wait(SECONDS)
        self.sent.put(report)

    def next(self) -> dict[str, Any]:
        return dict(json.loads(self.sent.get(timeout=SECONDS)))


Reporting = Callable[..., ErrorReports]


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


@pytest.fixture
def reporting(tracker: Tracker) -> Iterator[Reporting]:
    """Puts reports among the root logger's handlers, and takes them away at the end."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    structlog_before = structlog.get_config()
    logs.configure("INFO", handles_speech=True)

    def start(clock: Callable[[], float] = lambda: 0.0) -> ErrorReports:
        handler = ErrorReports("media", tracker.send, clock)
        root.addHandler(handler)
        return handler

    yield start
    root.handlers[:] = before
    structlog.configure(**structlog_before)


def _fail(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger("test").exception("call failed", call="CA1")


def test_a_report_has_types_and_places_and_no_words(reporting: Reporting, tracker: Tracker) -> None:
    reporting()
    _fail(f"could not read {WORD}")
    report = tracker.next()
    assert report["process"] == "media"
    assert report["event"] == "call failed"
    assert report["exception"][0]["type"] == "ValueError"
    assert report["exception"][0]["at"][-1].endswith("_fail")
    assert WORD not in json.dumps(report)


def test_a_librarys_text_stays_here(reporting: Reporting, tracker: Tracker) -> None:
    reporting()
    logging.getLogger("aiohttp.server").error("bad line: %s", WORD)
    report = tracker.next()
    assert report["logger"] == "aiohttp.server"
    assert WORD not in json.dumps(report)


def test_warnings_are_not_reported_and_the_same_error_once_a_minute(reporting: Reporting, tracker: Tracker) -> None:
    now = 0.0
    reporting(lambda: now)
    structlog.get_logger("test").warning("late")
    _fail("one")
    _fail("another text, the same error")
    now = 61.0
    _fail("again")
    assert [tracker.next()["level"] for _ in range(2)] == ["error", "error"]
    assert tracker.sent.empty()


def test_a_tracker_that_hangs_holds_nobody_up(reporting: Reporting, tracker: Tracker) -> None:
    tracker.is_open.clear()
    reporting()
    structlog.get_logger("test").error("the first")
    assert tracker.is_asked.wait(SECONDS)  # else it would be among those that wait
    for number in range(1, MOST_WAITING + 50):
        structlog.get_logger("test").error(f"error {number}")
    tracker.is_open.set()
    first = tracker.next()
    assert first["lost"] == 0
    for _ in range(MOST_WAITING):
        tracker.next()
    structlog.get_logger("test").error("the last")
    assert tracker.next()["lost"] == 49
