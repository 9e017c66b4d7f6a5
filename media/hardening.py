"""What is heard here lies in this process's memory and nowhere else: no core dump, and no other process looks in."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """For this process and those it forks.

    A limit of 0 keeps the kernel from writing core files, but not from piping cores to a program, as systemd's and
    Ubuntu's settings have it (core(5)); a process that is not dumpable has no core at all, and only root reads its
    memory (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
