"""The result of one preflight check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``name`` and ``said`` together read as a sentence; ``fix`` is the action needed, empty if there is none."""

    name: str
    said: str
    fix: str = ""

    @property
    def good(self) -> bool:
        """Whether the check passed."""
        return not self.fix
