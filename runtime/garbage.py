"""How often a process looks for garbage in cycles: nobody may wait for it."""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect none until `tune`: to look through what is imported, again and again, is a fifth of a start's work."""
    gc.disable()


def tune() -> None:
    """Exclude what is loaded now from garbage collection, and collect rarely: calls make few reference cycles.

    To look through all that a process has loaded takes a tenth of a second or more, and nothing else happens then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
