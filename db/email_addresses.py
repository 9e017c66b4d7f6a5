"""E-mail addresses: what people type, where mail is sent, and which two are the same. Pure; asks no name server.

An address that was checked has three forms: as people read it, as it goes on an envelope (the domain in ASCII,
RFC 5891, because few mail services take anything else), and the key under which all its spellings are one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

LONGEST = 254  # characters, RFC 5321

NOT_AN_ADDRESS = "That does not look like an email address. Please check it."
HIDDEN = "There is a hidden character in that address. Please type it by hand instead of pasting it."
LETTERS = "Only plain letters, digits and symbols can be used before the @: email to anything else does not arrive."

_LONGEST_LOCAL = 64  # octets before the @ (RFC 5321, 4.5.3.1.1): mail servers refuse more
# Besides the categories below: what Unicode lets programs draw as nothing (Default_Ignorable_Code_Point).
_IGNORABLE = (
    *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF)),
)
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


class AddressError(ValueError):
    """The typed text is not an address that mail can be sent to. The message is shown to the person."""


@dataclass(frozen=True, slots=True)
class Address:
    """One valid address."""

    shown: str
    """As people write it."""
    envelope: str
    """As given to mail servers, with its domain in ASCII."""
    key: str
    """The same key for every spelling of the address."""


def read(typed: str, *, plain: bool = True) -> Address:
    """Return the address in ``typed``. Raise `AddressError`.

    ``plain``: only ASCII before the @, as for every new address; without it an older one is read as well.
    """
    typed = typed.strip()
    if any(is_hidden(character) for character in typed):
        raise AddressError(HIDDEN)
    text = unicodedata.normalize("NFKC", typed)
    if len(text) > LONGEST:
        raise AddressError(NOT_AN_ADDRESS)
    try:
        # Reserved names such as .test are accepted; a failed delivery shows whether they work.
        found = validate_email(text, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError:
        raise AddressError(NOT_AN_ADDRESS) from None
    if "." not in found.ascii_domain:
        raise AddressError(NOT_AN_ADDRESS)
    if plain and found.ascii_email is None:
        raise AddressError(LETTERS)
    local = found.ascii_local_part or found.local_part
    if len(local) > _LONGEST_LOCAL or found.ascii_domain.rpartition(".")[2].isdecimal():  # the latter: an IP address
        raise AddressError(NOT_AN_ADDRESS)
    return Address(
        found.normalized, f"{local}@{found.ascii_domain}", f"{local.casefold()}@{found.ascii_domain.casefold()}"
    )


def key(email: str) -> str:
    """Return the key of an address; for invalid text, the text in lower case."""
    try:
        return read(email, plain=False).key
    except AddressError:
        return former_key(email)


def former_key(email: str) -> str:
    """Return the key used before domains were converted to ASCII. `db.rotate` updates rows to the new key."""
    return email.strip().casefold()


def envelope(email: str) -> str:
    """Return the address as given to mail servers; as it is if it cannot be parsed."""
    try:
        return read(email, plain=False).envelope
    except AddressError:
        return email


def is_hidden(character: str) -> bool:
    """Return whether ``character`` is invisible or not a character."""
    number = ord(character)
    if any(first <= number <= last for first, last in _IGNORABLE):
        return True
    return unicodedata.category(character) in _HIDDEN_CATEGORIES
