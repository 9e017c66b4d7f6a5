"""The process that is measured: on a core of its own, on a port of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def child(
    command: list[str], environment: dict[str, str], port: int, stop: signal.Signals = signal.SIGKILL
) -> AsyncIterator[int]:
    """Yield a process on a core of its own, listening on ``port``. In the end it gets ``stop``."""
    home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251
    process = await asyncio.create_subprocess_exec(*command, env={**home, **environment}, stdout=sys.stderr)
    try:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process.pid, cores[:1])
        await _listening(port)
        yield process.pid
    finally:
        process.send_signal(stop)
        await process.wait()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def _listening(port: int) -> None:
    for _ in range(1200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit(f"nothing listens on {port}")
