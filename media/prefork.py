"""Run several media processes behind one port. Each is a node of its own; the kernel spreads new sockets over them.

The parent only forks, passes signals on and replaces a worker that died. That worker's calls are restarted on other
nodes, like those of any node that dies. ``/metrics`` and ``/readyz`` answer for whichever worker the kernel chose;
where that matters, run containers instead.

The parent blocks its signals and waits for them: with a handler, one that arrives just before the process sleeps in
``wait`` would be noticed only when a worker ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator

_STOPPING = {signal.SIGTERM, signal.SIGINT}
_AWAITED = {*_STOPPING, signal.SIGCHLD}
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


def prefork(count: int, work: Callable[[], int], pause_seconds: float = 1.0) -> int:
    """Run ``work`` in ``count`` children until a signal stops them. Return their first exit status other than 0.

    A worker that died is replaced after ``pause_seconds``.
    """
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        return _Workers(work, usual).run(count, pause_seconds)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)


class _Workers:
    """The running children. ``usual``: the signals that are blocked in them."""

    def __init__(self, work: Callable[[], int], usual: set[signal.Signals | int]) -> None:
        self._work = work
        self._usual = usual
        self._pids: set[int] = set()
        self._stopping = False

    def run(self, count: int, pause_seconds: float) -> int:
        """Start ``count`` workers, keep as many until a signal stops them, and return the exit status."""
        for _ in range(count):
            self._start()
        status = 0
        while self._pids:
            self._wait(_AWAITED)
            for ended in self._reap():
                status = status or ended
            if status == 2:  # a wrong setting, or a port in use: every worker would fail alike
                self._stop(signal.SIGTERM)
            elif not self._stopping and len(self._pids) < count:
                self._wait(_STOPPING, pause_seconds)
                while not self._stopping and len(self._pids) < count:
                    self._start()
                    status = 0
        return abs(status)

    def _start(self) -> None:
        self._pids.add(_fork(self._work, self._usual))

    def _stop(self, number: int) -> None:
        self._stopping = True
        for pid in self._pids:
            os.kill(pid, number)

    def _wait(self, signals: set[signal.Signals], seconds: float | None = None) -> None:
        """Wait for one of ``signals``, and pass it on if it stops the process."""
        if seconds is None:
            number: int = signal.sigwait(signals)
        else:
            received = signal.sigtimedwait(signals, seconds)
            if received is None:
                return
            number = received.si_signo
        if number in _STOPPING:
            self._stop(number)

    def _reap(self) -> Iterator[int]:
        """Forget the workers that have ended; yield their exit statuses."""
        while self._pids:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._pids.discard(pid)
            yield os.waitstatus_to_exitcode(ended)


def _fork(work: Callable[[], int], usual: set[signal.Signals | int]) -> int:
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        if _LIBC is not None:  # end this worker if the parent is killed
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)
        try:
            os._exit(work())
        except SystemExit as ended:  # of `runtime.settings.stop`
            os._exit(ended.code if isinstance(ended.code, int) else 1)
    return worker
