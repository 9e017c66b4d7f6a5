"""Keep this process's memory private, since it holds speech: no core dump, and no access by other processes."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process and of those it forks.

    A limit of 0 keeps the kernel from writing core files, but not from piping them to a program, as systemd and
    Ubuntu configure it (core(5)). A process that is not dumpable has no core at all, and only root can read its
    memory (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
