"""``python -m sandbox`` in a process of its own, for tests that look at it from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.config import Settings

ROOT = Path(__file__).parents[3]
UP = "Ctrl-C stops everything."
START_SECONDS = 180  # it takes 5, and a minute on a machine that does much else
STOP_SECONDS = 120  # also from its start to its end, where it cannot start


@dataclass
class Sandbox:
    """A sandbox in a process of its own, and all it has said."""

    folder: Path
    ports: dict[str, int]
    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def until(self, words: str) -> None:
        """Read on until a line contains ``words``."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line.rstrip())
                if words in line:
                    return
        raise AssertionError("\n".join(self.said))

    async def ended(self) -> int:
        """Read to the end; the exit status."""
        assert self.process.stdout is not None
        async with asyncio.timeout(STOP_SECONDS):
            self.said += (await self.process.stdout.read()).decode().splitlines()
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    @property
    def links(self) -> list[str]:
        """Every sign-in link it has printed."""
        return re.findall(r"http://\S+/sign-in/\S+", "\n".join(self.said))

    def pids(self) -> dict[str, int]:
        """The processes it has written down, by name."""
        places = [*self.folder.glob("*.pid"), self.folder / "nats" / "nats.pid"]
        pids = {place.stem: int(place.read_text().split()[0]) for place in places}
        return pids | {"postgres": int((self.folder / "postgres/cluster/postmaster.pid").read_text().split()[0])}


Begin = Callable[..., "contextlib.AbstractAsyncContextManager[Sandbox]"]


@contextlib.asynccontextmanager
async def sandbox_run(folder: Path, free_port: Callable[[], int], **variables: object) -> AsyncIterator[Sandbox]:
    """A sandbox in ``folder``, on free ports unless ``variables`` (``SANDBOX_…``) tell which; killed at the end."""
    ports = {variable: free_port() for variable in Settings().ports}
    ports |= {variable: int(str(value)) for variable, value in variables.items() if variable in ports}
    chosen = {variable: str(value) for variable, value in (ports | variables).items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox"),
        env={"SANDBOX_DIR": str(folder), "PATH": os.defpath} | chosen,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Sandbox(folder, ports, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
