"""Who has an account at the emulated identity provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One account. ``groups`` say what somebody may do elsewhere."""

    email: str
    name: str
    is_verified: bool = True
    groups: tuple[str, ...] = ()

    @property
    def sub(self) -> str:
        """The account's id, which is no address."""
        return f"user-{self.email.partition('@')[0]}"


PEOPLE: Sequence[Person] = (
    Person("olivia@bluegum.example", "Olivia Owens", groups=("bilby-admins",)),
    Person("ari@bluegum.example", "Ari Abara", groups=("bilby-agents",)),
    Person("nina@bluegum.example", "Nina Novak", groups=("bilby-agents",)),
    Person("guest@elsewhere.example", "Gus Guest"),
)
"""Of the demo organisation's domain, and one of another."""
