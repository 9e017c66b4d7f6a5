"""Watch the processes' logs: print each error on the terminal when it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.5
_READ_BYTES = 1 << 16  # at one look; what is more waits for the next
_LOUD = ("error", "critical")


@dataclass(slots=True)
class _Log:
    path: Path
    read: int = 0  # bytes

    def news(self) -> list[str]:
        """Return the whole lines written since the last look."""
        with self.path.open("rb") as log:
            log.seek(self.read)
            fresh = log.read(_READ_BYTES)
        whole = fresh.rfind(b"\n") + 1 or len(fresh) // _READ_BYTES * _READ_BYTES  # a line without end is passed over
        self.read += whole
        return fresh[:whole].decode(errors="replace").splitlines()


async def watch(logs: Sequence[Path], say: Callable[[str], None]) -> None:
    """Tell every error that the processes log from now on. Runs until it is cancelled."""
    followed = [_Log(path, path.stat().st_size) for path in logs]
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        for log in followed:
            for line in log.news():
                if error := complaint(line):
                    say(f"{log.path.stem}: {error} (see {log.path})")


def complaint(line: str) -> str:
    """Return what is wrong according to a log's ``line``; empty if nothing is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "an exception" if line.startswith("Traceback ") else ""
    if isinstance(entry, dict) and entry.get("level") in _LOUD:
        return str(entry.get("event", "error"))
    return ""
