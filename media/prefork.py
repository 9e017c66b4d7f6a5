"""Run several media processes behind one port. Each is a node of its own; the kernel spreads new sockets over them.

The parent only forks, passes signals on and replaces a worker that died. That worker's calls are restarted on other
nodes, like those of any node that dies. ``/metrics`` and ``/readyz`` answer for whichever worker the kernel chose;
where that matters, run containers instead.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

_PAUSE_SECONDS = 1.0  # before a worker that died is replaced
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


def prefork(count: int, work: Callable[[], int]) -> int:
    """Run ``work`` in ``count`` children until a signal stops them. Return their first exit status other than 0."""
    workers: set[int] = set()
    stopping = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for worker in workers:
            os.kill(worker, number)

    def start() -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # or a worker not yet noted would not be stopped
        if not stopping:
            workers.add(_fork(work))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    for number in _STOPPING:
        signal.signal(number, stop)
    for _ in range(count):
        start()
    status = 0
    while workers:
        worker, ended = os.wait()
        workers.discard(worker)
        status = status or os.waitstatus_to_exitcode(ended)
        if status == 2:  # a wrong setting, or a port in use: every worker would fail alike
            stop(signal.SIGTERM, None)
        elif not stopping:
            time.sleep(_PAUSE_SECONDS)
            start()
            status = 0
    return abs(status)


def _fork(work: Callable[[], int]) -> int:
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        if _LIBC is not None:  # end this worker if the parent is killed
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        os._exit(work())
    return worker
