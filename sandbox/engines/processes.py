"""Child processes that never outlive us: started tethered, stopped in time, their output kept in a log.

Two mechanisms stop orphaned children. On Linux the kernel signals it when we die (``PR_SET_PDEATHSIG``), even by
``kill -9``. Elsewhere, and as a second line, its pid and command line are written down, and the next start
stops what is left; the command line is compared, so that a pid given to another program is left alone.

Start children from the main thread: the kernel ties the signal to the *thread* that forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_LOCK_TRIES = 20
_LOCK_PAUSE_SECONDS = 0.1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


class StartError(Exception):
    """A part did not start, or may not. The text is for a person: which part, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group a child becomes; its other groups are dropped."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """One running child. ``log`` holds all it wrote; ``stop_signal`` asks it to end in good order."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    record: Path | None = field(default=None, repr=False)

    async def ready(self, probe: Callable[[], Awaitable[bool]], seconds: float, pause: float = 0.02) -> None:
        """Wait until ``probe()``, asked again after each ``pause`` (seconds), holds.

        Raise `StartError` when the child ends first or ``seconds`` pass.
        """
        deadline = time.monotonic() + seconds
        while not await probe():
            if self.process.returncode is not None:
                raise StartError(self.exit_report())
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {seconds:.0f} s{self._quote()}")
            await asyncio.sleep(pause)

    async def says_working(self) -> bool:
        """Return whether it has logged that it works: a probe for one that has no address to ask."""
        return '"worker started"' in self.log_tail()

    async def stop(self, seconds: float = 10.0) -> None:
        """Ask the child to end; after ``seconds`` end it. Repeatable; returns when it is gone."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(self.stop_signal)
            try:
                await asyncio.wait_for(self.process.wait(), seconds)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.record is not None:
            self.record.unlink(missing_ok=True)

    def note(self) -> None:
        """Write pid and command line down, for `stop_recorded`."""
        if self.record is not None:
            self.record.write_text(f"{self.process.pid}\n{command_line(self.process.pid)}")

    def log_tail(self, lines: int = 8) -> str:
        """Return the last lines of the log, for a person to read; empty if it said nothing."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def exit_report(self) -> str:
        """Return how the child ended and what it said last, for a person."""
        return f"{self.name} ended with status {self.process.returncode}{self._quote()}"

    def _quote(self) -> str:
        words = self.log_tail()
        return f". Its last words ({self.log}):\n{words}" if words else f" and wrote nothing to {self.log}"


async def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    identity: Identity | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGKILL,
    record: Path | None = None,
) -> Child:
    """Start ``command``, its output appended to ``log``. Raise `StartError` if it cannot even be executed.

    ``death_signal`` is what the kernel sends it when we die. ``record``: where pid and command are noted;
    the child an earlier run noted there is stopped first.
    """
    if record is not None:
        stop_recorded(record)
    with log.open("ab") as sink:
        try:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=env,
                start_new_session=True,  # Ctrl-C at the terminal reaches us alone: we order the ends
                preexec_fn=_before_it_runs(cwd, identity, death_signal),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StartError(f"{name} cannot be executed: {error}") from None
    child = Child(name, process, log, stop_signal, record)
    child.note()
    return child


def stop_recorded(record: Path, seconds: float = 10.0) -> bool:
    """Stop the child an earlier run wrote down in ``record``, if it still runs. True if there was one."""
    try:
        pid, _, recorded = record.read_text().partition("\n")
    except FileNotFoundError:
        return False
    record.unlink(missing_ok=True)
    if not pid.isdigit() or not recorded:
        return False
    return stop_stranger(int(pid), recorded, signal.SIGTERM, seconds)


def stop_stranger(pid: int, mark: str, wish: signal.Signals, seconds: float) -> bool:
    """Stop process ``pid``, which is not our child, if its command line contains ``mark``. True if it ran.

    ``wish`` asks; after ``seconds`` SIGKILL ends it.
    """
    if mark not in command_line(pid):
        return False
    for asked in (wish, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, asked)
        deadline = time.monotonic() + seconds
        while mark in command_line(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    return True


@contextlib.asynccontextmanager
async def locked(folder: Path, remedy: str) -> AsyncIterator[None]:
    """Hold ``folder``'s lock; the kernel frees it when we end, however we end. Raise `StartError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        await _lock(descriptor, f"{folder} is in use by another process: stop that one, or {remedy}")
        yield
    finally:
        os.close(descriptor)


async def _lock(descriptor: int, complaint: str) -> None:
    """Take the lock; an owner killed a moment ago may still be on its way out."""
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        await asyncio.sleep(_LOCK_PAUSE_SECONDS)
    raise StartError(complaint)


def command_line(pid: int) -> str:
    """Return the command line of a running process, joined by spaces; empty if there is none, or a zombie."""
    if sys.platform == "linux":
        try:
            return (
                Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:
            return ""
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()


def _before_it_runs(cwd: Path | None, identity: Identity | None, death_signal: signal.Signals) -> Callable[[], None]:
    """Return what the child runs between fork and exec, in any event loop: uvloop's takes no user and no group."""
    libc, parent = _LIBC, os.getpid()

    def become_and_hold() -> None:
        if cwd is not None:
            os.chdir(cwd)  # while it still may: the folder's parents may be closed to its user
        if identity is not None:
            os.setgroups([])
            os.setgid(identity.gid)
            os.setuid(identity.uid)
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))  # after setuid, which clears it
            if os.getppid() != parent:  # we died before that
                os._exit(1)

    return become_and_hold
