"""Who plays in the tests."""

from __future__ import annotations

from dataclasses import dataclass

from db.models import Member, Number, Organisation


@dataclass(frozen=True, slots=True)
class Cast:
    """Two organisations and everybody in them. ``number`` is A's: (02) 5550 1234."""

    a: Organisation
    alice: Member
    sam: Member
    bob: Member
    dana: Member
    number: Number
    b: Organisation
    charlie: Member
    number_b: Number
