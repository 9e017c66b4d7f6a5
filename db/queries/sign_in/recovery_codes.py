"""Recovery codes: letters that stand in once for an authenticator app. Pure."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

CODES = 10
"""Recovery codes of one person."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another one
_LENGTH = 16  # letters: 79 bits
_GROUP = 4


def new_codes() -> Sequence[str]:
    """Return codes that nobody has had before."""
    return [_code() for _ in range(CODES)]


def digest(code: str) -> bytes:
    """Return what is kept of a code, however it is typed."""
    # 79 random bits: a plain hash cannot be searched, and unlike a keyed one it outlives a rotation of keys.
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(letters.encode(errors="surrogatepass")).digest()


def _code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
