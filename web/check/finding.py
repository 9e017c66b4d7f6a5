"""One thing that the preflight looked at, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``mend`` says what to do, and is empty where all is well."""

    name: str
    said: str
    mend: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is to be done."""
        return not self.mend
