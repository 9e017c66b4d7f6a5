"""What must not be read in a log is not in it, whoever logged it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from db.logs import redact

_LOGS = """
import logging, structlog
from db import logs
logs.configure("INFO")
log = structlog.get_logger("ours")
log.info("call opened", call="CA1", seconds=1.5, caller="+61400123456")
log.debug("not shown")
logging.getLogger("theirs").warning("mail to %s refused", "bob@acacia.example")
try:
    raise LookupError("token eyJhbGciOi.eyJhdWQi.c2lnbg for +61400123456")
except LookupError:
    log.exception("failed")
    logging.getLogger("theirs").exception("failed too")
"""


def test_every_line_is_json_and_clean() -> None:
    ran = subprocess.run([sys.executable, "-c", _LOGS], capture_output=True, text=True, timeout=60, check=True)
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["call opened", "mail to ***@*** refused", "failed", "failed too"]
    assert lines[0] | {"timestamp": ""} == {
        "call": "CA1", "caller": "+61***456", "event": "call opened", "level": "info",
        "logger": "ours", "seconds": 1.5, "timestamp": "",
    }  # fmt: skip
    assert all("LookupError: token *** for +61***456" in line["exception"] for line in lines[2:])
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("password", "hunter2", "***"),
        ("stream_token", "abc", "***"),
        ("database_url", "postgresql://a:b@c/d", "***"),
        ("error", "cannot reach postgresql://u:p@host/db", "cannot reach postgresql://***@host/db"),
        ("event", "call CA0123456789 from +61255501234.", "call CA0123456789 from +61***234."),
        ("payload", {"to": "bob@acacia.example"}, "{'to': '***@***'}"),
        ("status", 200, 200),
        ("reason", None, None),
    ],
)
def test_redaction(name: str, value: object, kept: object) -> None:
    assert redact(None, "", {name: value}) == {name: kept}
