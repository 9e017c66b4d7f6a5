"""The sign-up form, and the encrypted link that proves the address. Pure.

Nothing is stored before the link is used: it contains the form. It is encrypted (Fernet) with a key of its own, so
that no other token can pass for one, and is valid for an hour.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from db import email_addresses
from db.email_addresses import AddressError
from provisioning.stripe.api import MOST_SEATS
from web.people.link_tokens import cleaned, padded
from web.request.typed import digits_and_signs

LIFETIME_SECONDS = 60 * 60
LONGEST_NAME = 80  # characters, of a person or an organisation
SEATS = 3  # seats if the form does not say
FIELDS = ("organisation", "name", "email", "seats")


@dataclass(frozen=True, slots=True)
class SignUp:
    """A valid sign-up form: the organisation and its future owner."""

    organisation: str
    name: str
    email: str
    seats: int


def seats(typed: str) -> int | None:
    """Parse a number of seats; None if it is not one that can be bought."""
    typed = digits_and_signs(typed)
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= len(str(MOST_SEATS))):
        return None
    return int(typed) if 1 <= int(typed) <= MOST_SEATS else None


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the form: a sentence by field; empty if it is valid."""
    found = {
        "organisation": _name_problem(typed["organisation"], "What is your organisation called?"),
        "name": _name_problem(typed["name"], "What should we call you?"),
        "email": _address_problem(typed["email"]),
        "seats": "" if seats(typed["seats"]) else f"Enter a whole number of agents, 1 to {MOST_SEATS}.",
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def read_sign_up(typed: Mapping[str, str]) -> SignUp:
    """Read a form that has no `problems`."""
    wanted = seats(typed["seats"])
    assert wanted is not None, "`problems` was checked before"
    return SignUp(typed["organisation"], typed["name"], email_addresses.read(typed["email"]).shown, wanted)


def seal(who: SignUp, secret: str, now: int) -> str:
    """Return the token for ``who``'s link, encrypted under ``secret`` at ``now`` (seconds since 1970)."""
    text = json.dumps(asdict(who), ensure_ascii=False, separators=(",", ":"))
    return _fernet(secret).encrypt_at_time(text.encode(), now).decode().rstrip("=")


def unseal(token: str, secrets: Iterable[str], now: int) -> SignUp | None:
    """Decrypt a token with any of ``secrets``; return None if it is forged or expired."""
    try:
        keyring = MultiFernet([_fernet(secret) for secret in secrets])
        text = keyring.decrypt_at_time(padded(cleaned(token)), LIFETIME_SECONDS, now)
    except InvalidToken:
        return None
    return SignUp(**json.loads(text))


def _address_problem(typed: str) -> str:
    try:
        email_addresses.read(typed)
    except AddressError as error:
        return str(error)
    return ""


def _name_problem(typed: str, asked: str) -> str:
    if not typed:
        return asked
    if len(typed) > LONGEST_NAME:
        return f"Please keep it to {LONGEST_NAME} characters."
    return "" if typed.isprintable() else "Please use only printable characters."


def _fernet(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"bilby: sign-up link").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
