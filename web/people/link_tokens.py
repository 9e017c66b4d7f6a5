"""Repair tokens of mailed links. Pure.

Tokens consist of letters, digits, ``-`` and ``_``. A mail program may break the line inside one, cut ``=`` off its
end, or include a full stop, a bracket or an invisible character that follows.
"""

from __future__ import annotations

import re

_NO_PART = re.compile(r"[^A-Za-z0-9_-]+")


def cleaned(token: str) -> str:
    """Return ``token`` without characters that cannot be part of it."""
    return _NO_PART.sub("", token)


def padded(token: str) -> str:
    """Return ``token`` with the ``=`` padding of base64."""
    return token + "=" * (-len(token) % 4)
