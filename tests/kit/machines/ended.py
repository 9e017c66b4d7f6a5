"""Processes that should end, of which nobody is the parent any more."""

from __future__ import annotations

import time

from sandbox.engines.processes import command_line

_SECONDS = 20


def gone(pid: int) -> bool:
    """Wait for the process to end; return whether it has."""
    deadline = time.monotonic() + _SECONDS
    while command_line(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not command_line(pid)
