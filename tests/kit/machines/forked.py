"""Bilby's processes, forked from one that has imported them: each start takes a few hundredths of a second, not one.

One process of each run that starts any imports web, media and provisioning once (`multiprocessing`'s fork server).
That they also start as ``python -m …`` is seen in the tests of `sandbox` and of each ``__main__``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pkgutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, nullcontext
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.kit.machines.preloaded"])


class Forked:
    """One process. As `asyncio.subprocess.Process`, as far as tests need it."""

    def __init__(self, process: BaseProcess, stdout: asyncio.StreamReader | None) -> None:
        self._process = process
        self.stdout = stdout

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; less the number of the signal that ended it."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        """Return its status once it has ended."""
        if self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode


@asynccontextmanager
async def forked(main: str, environment: Mapping[str, str], *, heard: bool = False) -> AsyncIterator[Forked]:
    """Run the function that ``main`` names (``web.__main__:main``) in a process that has ``environment`` alone.

    What it writes can be read if it is to be ``heard``; it has to be read then. Killed on the way out.
    """
    reader, writer = _SERVER.Pipe(duplex=False)
    with closing(reader):
        with closing(writer):
            arguments = (main, dict(environment), writer if heard else None)
            process = _SERVER.Process(target=_become, args=arguments, daemon=True)
            process.start()
        async with _stream(reader) if heard else nullcontext() as stdout:
            running = Forked(process, stdout)
            try:
                yield running
            finally:
                if running.returncode is None:
                    running.kill()
                await running.wait()


@asynccontextmanager
async def _stream(pipe: Connection) -> AsyncIterator[asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    file = os.fdopen(os.dup(pipe.fileno()), "rb")
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
    try:
        yield reader
    finally:
        transport.close()


def _become(main: str, environment: dict[str, str], stdout: Connection | None) -> None:
    """Be that process, in the child."""
    os.environ.clear()  # noqa: TID251 (the process reads it, as after an exec)
    os.environ.update(environment)  # noqa: TID251
    os.chdir(_ROOT)
    os.dup2(os.open(os.devnull, os.O_WRONLY) if stdout is None else stdout.fileno(), sys.stdout.fileno())
    sys.argv = [main]
    sys.exit(pkgutil.resolve_name(main)())
