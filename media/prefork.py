"""Several media processes behind one port: each is a node of its own, and the kernel spreads new sockets over them.

The parent only forks, passes signals on, and puts a worker that died in the place of the old one; its calls are
started anew elsewhere like those of any node that died. ``/metrics`` and ``/readyz`` answer for whichever worker the
kernel chose: where that matters, run containers instead.
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
    """Run ``work`` in ``count`` children until told to stop; the first exit status of theirs that is not 0."""
    workers: set[int] = set()
    stopping = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for worker in workers:
            os.kill(worker, number)

    for number in _STOPPING:
        signal.signal(number, stop)
    for _ in range(count):
        workers.add(_fork(work))
    status = 0
    while workers:
        worker, ended = os.wait()
        workers.discard(worker)
        status = status or os.waitstatus_to_exitcode(ended)
        if status == 2:  # a wrong setting, or a taken port: all would fail alike
            stop(signal.SIGTERM, None)
        elif not stopping:
            time.sleep(_PAUSE_SECONDS)
            workers.add(_fork(work))
            status = 0
    return abs(status)


def _fork(work: Callable[[], int]) -> int:
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        if _LIBC is not None:  # a parent that dies without a word takes its workers along
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        os._exit(work())
    return worker
