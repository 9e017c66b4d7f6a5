"""Names in mails: kept as people and organisations write them, but never a link. Pure.

Anybody who signs up or invites chooses these names, and mail programs turn ``evil.example`` into a link. So that
nobody can send their own links to strangers through Bilby, a mail shows only the words of a name.
"""

from __future__ import annotations

import re
import unicodedata
from email.utils import parseaddr

LONGEST = 60  # characters
_SIGNS = frozenset(" '\N{RIGHT SINGLE QUOTATION MARK}-&,()")
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){4,}")
"""A telephone number, not the 24 of *Studio 24*."""


def mail_name(name: str) -> str:
    """Return ``name`` for a mail: letters and a few signs; a full stop only at the end of a word (*J. Smith*)."""
    text = unicodedata.normalize("NFKC", name)
    kept = "".join(_kept(character, text[place + 1 : place + 2]) for place, character in enumerate(text))
    return " ".join(_LONG_NUMBER.sub(" ", kept).split())[:LONGEST].rstrip()


def salutation(name: str, email: str) -> str:
    """Return how a mail addresses somebody: by ``name``, or by the address alone if they have given none."""
    return name or parseaddr(email)[1]


def _kept(character: str, following: str) -> str:
    if character == ".":
        return "." if following in ("", " ") else " "
    return character if character in _SIGNS or unicodedata.category(character)[0] in "LMN" else " "
