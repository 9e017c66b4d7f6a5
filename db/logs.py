"""One JSON object per line on stdout, with what must not be read there taken out.

A log line carries SIDs, ids, times and counts. Should an address, a phone number or a secret slip into one, by an
error's text or another library's, it is masked here: the last gate, not the first.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"token|secret|password|authori[sz]ation|cookie|signature|api_?key|dsn|url$", re.I)
_PHONE = re.compile(r"\+\d{8,15}\b")
_EMAIL = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+\.[^\s<>@\"'(),;:]+")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_LONG = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")  # a JWT


def configure(level: str) -> None:
    """Send structlog's and the standard library's lines of at least ``level`` through one JSON form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(structlog.stdlib.ProcessorFormatter(processors=render, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[output], level=level, force=True)


def redact(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """``line`` with secrets, addresses and phone numbers masked."""
    # Names with an underscore in front are structlog's own, and never printed.
    return {name: value if name[0] == "_" else _masked(name, value) for name, value in line.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return "***" if _SECRET_NAMES.search(name) else _without(value)
    return value if value is None or isinstance(value, bool | int | float) else _without(str(value))


def _without(text: str) -> str:
    text = _CREDENTIALS.sub("***", _LONG.sub("***", text))
    return _EMAIL.sub("***@***", _PHONE.sub(lambda found: f"{found[0][:3]}***{found[0][-3:]}", text))
