"""Log one redacted JSON object per line on stdout, for every process.

Our own lines carry SIDs, ids, times and counts. Three rules keep the rest out, whatever is logged:

* An exception is logged as its type and the places it passed, and those of its causes. Never its text, which quotes
  the input (a sign-in link, a spoken word), and never a local variable.
* A library's line is logged as its logger, its level and the line of source that logged it. A process that handles
  speech shows no more; the others add the message, without its arguments.
* Secrets, addresses and phone numbers are masked in every value. A value other than text, a number or a collection of
  these is logged as the name of its type.

Warnings, uncaught errors, and errors of threads and finalisers are logged here too, instead of on stderr.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import threading
import warnings
from collections.abc import Mapping, MutableMapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any
from uuid import UUID

import structlog

Line = MutableMapping[str, Any]

_ROOT = Path(__file__).resolve().parents[1]
_OURS = "bilby_line"  # attribute that marks a record of our own
_MOST_ERRORS = 10  # of one chain or group
_MOST_PLACES = 20  # of one traceback; the innermost are kept
_MOST_ITEMS = 50  # of one collection
_LONGEST_WORD = 40  # letters; a longer run of letters is not a name of a class or a setting

_SECRET_NAMES = re.compile(r"token|secret|password|authori[sz]ation|cookie|signature|api_?key|dsn|url$", re.I)
_PHONE = re.compile(r"\+\d{8,15}\b")
_EMAIL = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+\.[^\s<>@\"'(),;:]+")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_LINK = re.compile(r"(?<=/sign-)(in|up)/(?!{)[^\s\"'<>]+")
_OPAQUE = re.compile(r"[\w-]{32,}=*", re.ASCII)
_ID = re.compile(  # Twilio's SIDs, UUIDs, and Stripe's ids except its keys and signing secrets
    r"[A-Z]{2}[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?!sk_|rk_|pk_|whsec_)[a-z]{2,8}_((test|live)_)?[A-Za-z0-9]+"
)


def configure(level: str, *, handles_speech: bool = False) -> None:
    """Log every line of at least ``level`` (of libraries: at least WARNING) to stdout.

    ``handles_speech``: this process has speech in memory, so no text of a library is logged.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            described,
            redact,
            _hand_over,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(Lines(handles_speech=handles_speech))
    output.addFilter(_is_worth_a_line)
    logging.basicConfig(handlers=[output], level=level, force=True)
    logging.raiseExceptions = False  # else a line that cannot be written goes to stderr with its values
    _catch_the_rest()


class Lines(logging.Formatter):
    """Format a record as one JSON object: ours as it is, a library's as far as it may be shown."""

    def __init__(self, *, handles_speech: bool) -> None:
        super().__init__()
        self._handles_speech = handles_speech

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Never raise, whatever a library has put into ``record``."""
        if getattr(record, _OURS, False) and isinstance(record.msg, dict):
            return json.dumps(record.msg)
        return json.dumps(redact(None, "", self._foreign(record)))

    def _foreign(self, record: logging.LogRecord) -> Line:
        line: Line = {
            "event": "message of a library" if self._handles_speech else _text(record),
            "logger": record.name,
            "level": record.levelname.lower(),
            "at": f"{_short(record.pathname)}:{record.lineno}",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return line if error is None else {**line, "exception": describe(error)}


def describe(error: BaseException) -> list[dict[str, Any]]:
    """Return ``error``, its causes and the members of its groups: types and places, the outermost first."""
    described: list[dict[str, Any]] = []
    waiting, seen = [error], {id(error)}
    while waiting and len(described) < _MOST_ERRORS:
        current = waiting.pop(0)
        described.append(_described(current))
        inner = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        for each in (*inner, cause):
            if each is not None and id(each) not in seen:
                seen.add(id(each))
                waiting.append(each)
    return described


def described(_: Any, __: str, line: Line) -> Line:
    """Replace ``exc_info`` by `describe`; a structlog processor."""
    error = _error(line.pop("exc_info", None))
    line.pop("stack_info", None)
    if error is not None:
        line["exception"] = describe(error)
    return line


def redact(_: Any, __: str, line: Line) -> Line:
    """Return ``line`` with secrets, addresses and phone numbers masked; also a structlog processor."""
    return {name: _clean(name, value) for name, value in line.items()}


def _hand_over(_: Any, __: str, line: Line) -> tuple[tuple[Line], dict[str, Any]]:
    return (line,), {"extra": {_OURS: True}}


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return getattr(record, _OURS, False) or (record.levelno >= logging.WARNING and not _is_late_lookup(record))


def _is_late_lookup(record: logging.LogRecord) -> bool:
    """Return whether a name was looked up in vain for somebody who no longer waited, and has reported that.

    uvloop does not end a lookup with the connection that wanted it; nobody is left to take its error.
    """
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return isinstance(error, socket.gaierror) and _text(record) == "Future exception was never retrieved"


def _text(record: logging.LogRecord) -> str:
    """Return a library's message without its arguments; of asyncio only the first line, as the others show values."""
    text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return text.partition("\n")[0] if record.name == "asyncio" else text


def _described(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")}
    number, state = getattr(error, "errno", None), getattr(error, "sqlstate", None)
    if isinstance(number, int):
        found["errno"] = number
    if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state):
        found["sqlstate"] = state
    return {**found, "at": _places(error.__traceback__)}


def _places(traceback: TracebackType | None) -> list[str]:
    """Return where the error was raised and the functions it passed, the innermost last."""
    places: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-_MOST_PLACES:]


def _short(path: str) -> str:
    """Return ``web/people/sign_in.py``: a source file without the folders that differ by machine."""
    _, found, inside = path.rpartition("/site-packages/")
    if found:
        return inside
    whole = PurePath(path)
    return str(whole.relative_to(_ROOT)) if whole.is_relative_to(_ROOT) else "/".join(whole.parts[-2:])


def _error(given: Any) -> BaseException | None:
    """Return the exception that ``exc_info`` means: itself, a `sys.exc_info` tuple's, or for True the current one."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if len(given) == 3 and isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def _clean(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return "***" if _SECRET_NAMES.search(name) else _without(str(value))
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {_without(str(key)): _clean(str(key), each) for key, each in items if isinstance(key, str | int)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(name, each) for each in list(value)[:_MOST_ITEMS]]
    if isinstance(value, UUID | date | Decimal | PurePath | Enum):
        return _without(str(value))
    return type(value).__name__


def _without(text: str) -> str:
    text = _CREDENTIALS.sub("***", _LINK.sub(r"\1/***", _JWT.sub("***", text)))
    text = _OPAQUE.sub(_opaque, text)
    return _EMAIL.sub("***@***", _PHONE.sub(lambda found: f"{found[0][:3]}***{found[0][-3:]}", text))


def _opaque(found: re.Match[str]) -> str:
    """Return a long unbroken run as it is if it is an id or a name; else mask it as a secret."""
    run = found[0]
    is_name = run.replace("_", "").isalpha() and (len(run) <= _LONGEST_WORD or run.islower() or run.isupper())
    return run if is_name or _ID.fullmatch(run) else "***"


def _catch_the_rest() -> None:
    """Log what Python itself would print on stderr, with texts and values."""
    log = structlog.get_logger("python")

    def uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        if not isinstance(error, KeyboardInterrupt):
            log.critical("process ended by an uncaught error", exc_info=error)

    def in_thread(given: threading.ExceptHookArgs) -> None:
        log.error("thread ended by an uncaught error", exc_info=given.exc_value)

    def unraisable(given: sys.UnraisableHookArgs) -> None:
        log.error("error in a finaliser or callback", exc_info=given.exc_value)

    def warned(_: object, category: type[Warning], filename: str, lineno: int, *__: object) -> None:
        log.warning("python warning", kind=category.__name__, at=f"{_short(filename)}:{lineno}")

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
    warnings.showwarning = warned  # type: ignore[assignment]  # only called by position
