"""Tokens in links that are mailed, as they come back. Pure.

A token of ours is letters, digits, ``-`` and ``_``. On its way a mail program may break the line inside it, cut ``=``
off its end, or take a full stop, a bracket or an invisible character behind it for a part of it.
"""

from __future__ import annotations

import re

_NO_PART = re.compile(r"[^A-Za-z0-9_-]+")


def cleaned(token: str) -> str:
    """``token`` without what can be no part of it."""
    return _NO_PART.sub("", token)


def padded(token: str) -> str:
    """``token`` with the ``=`` that base64 asks for at its end."""
    return token + "=" * (-len(token) % 4)
