"""One JSON object per line on stdout, for every process, with what must not be read there left out.

Our own lines carry SIDs, ids, times and counts. Three gates keep the rest away, whoever logs it:

* An exception is its type and the places it came through, and those of its causes. Never its text, which quotes
  what it failed on (a sign-in link, a spoken word), and never a local variable.
* A library's line is its logger, its level and the line of source that logged it. A process that hears speech shows
  no more; the others add the text, without what was filled in.
* Secrets, addresses and phone numbers are masked in every value. A value that is neither text, number nor a
  collection of these is its type's name.

Warnings, errors that nobody catches, and errors of threads and finalisers come here as well, instead of stderr.
"""

from __future__ import annotations

import json
import logging
import re
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
_OURS = "bilby_line"  # what marks a record of our own
_MOST_ERRORS = 10  # of one chain or group
_MOST_PLACES = 20  # of one traceback; the innermost are kept
_MOST_ITEMS = 50  # of one collection
_LONGEST_WORD = 40  # letters; a longer run of nothing but letters is no name of a class or a setting

_SECRET_NAMES = re.compile(r"token|secret|password|authori[sz]ation|cookie|signature|api_?key|dsn|url$", re.I)
_PHONE = re.compile(r"\+\d{8,15}\b")
_EMAIL = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+\.[^\s<>@\"'(),;:]+")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_LINK = re.compile(r"(?<=/sign-)(in|up)/(?!{)[^\s\"'<>]+")
_OPAQUE = re.compile(r"[\w-]{32,}=*", re.ASCII)
_ID = re.compile(  # Twilio's SIDs, UUIDs, and Stripe's ids but for its keys and signing secrets
    r"[A-Z]{2}[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?!sk_|rk_|pk_|whsec_)[a-z]{2,8}_((test|live)_)?[A-Za-z0-9]+"
)


def configure(level: str, *, hears: bool = False) -> None:
    """Send every line of at least ``level`` (of libraries: of at least WARNING) to stdout.

    ``hears``: this process has speech in its memory, so that no text of a library is shown at all.
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
    output.setFormatter(Lines(hears=hears))
    output.addFilter(_is_worth_a_line)
    logging.basicConfig(handlers=[output], level=level, force=True)
    logging.raiseExceptions = False  # else a line that cannot be written is printed whole, with its values, on stderr
    _catch_the_rest()


class Lines(logging.Formatter):
    """A record as one JSON object: ours as it is, a library's as far as it may be shown."""

    def __init__(self, *, hears: bool) -> None:
        super().__init__()
        self._hears = hears

    def format(self, record: logging.LogRecord) -> str:
        """The line. Never raises for what a library has put into ``record``."""
        if getattr(record, _OURS, False) and isinstance(record.msg, dict):
            return json.dumps(record.msg)
        return json.dumps(redact(None, "", self._foreign(record)))

    def _foreign(self, record: logging.LogRecord) -> Line:
        line: Line = {
            "event": "message of a library" if self._hears else _text(record),
            "logger": record.name,
            "level": record.levelname.lower(),
            "at": f"{_short(record.pathname)}:{record.lineno}",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return line if error is None else {**line, "exception": describe(error)}


def describe(error: BaseException) -> list[dict[str, Any]]:
    """``error``, what caused it and what it is a group of: types and places, the outermost first."""
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
    """structlog's step that puts `describe` in the place of ``exc_info``."""
    error = _error(line.pop("exc_info", None))
    line.pop("stack_info", None)
    if error is not None:
        line["exception"] = describe(error)
    return line


def redact(_: Any, __: str, line: Line) -> Line:
    """``line`` with secrets, addresses and phone numbers masked. Also a step of structlog's."""
    return {name: _clean(name, value) for name, value in line.items()}


def _hand_over(_: Any, __: str, line: Line) -> tuple[tuple[Line], dict[str, Any]]:
    return (line,), {"extra": {_OURS: True}}


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return getattr(record, _OURS, False) or record.levelno >= logging.WARNING


def _text(record: logging.LogRecord) -> str:
    """What a library said, without what it has filled in; of asyncio the first line: the others show values."""
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
    """Where it was raised and through which functions it came, the innermost last."""
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
    """The exception that ``exc_info`` means: one, what `sys.exc_info` gives, or True for the one being handled."""
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
    """A long run without a break: an id, a name, or else a secret."""
    run = found[0]
    is_name = run.replace("_", "").isalpha() and (len(run) <= _LONGEST_WORD or run.islower() or run.isupper())
    return run if is_name or _ID.fullmatch(run) else "***"


def _catch_the_rest() -> None:
    """Take over what Python itself would print on stderr, with texts and values."""
    log = structlog.get_logger("python")

    def uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        if not isinstance(error, KeyboardInterrupt):
            log.critical("ended by an error", exc_info=error)

    def in_thread(given: threading.ExceptHookArgs) -> None:
        log.error("thread ended by an error", exc_info=given.exc_value)

    def unraisable(given: sys.UnraisableHookArgs) -> None:
        log.error("error that could not be raised", exc_info=given.exc_value)

    def warned(_: object, category: type[Warning], filename: str, lineno: int, *__: object) -> None:
        log.warning("python warning", kind=category.__name__, at=f"{_short(filename)}:{lineno}")

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
    warnings.showwarning = warned  # type: ignore[assignment]  # only called by position
