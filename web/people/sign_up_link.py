"""Who asks to open an account: what their form says, and the sealed link that proves their address. Pure.

Nothing is kept of a newcomer until they have come back by the link: what they typed is the link. It is sealed
(Fernet) under a key of its own, so that nothing else of ours opens as one, and holds for an hour.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from db import addresses
from db.addresses import AddressError
from provisioning.stripe.api import MOST_SEATS
from web.people.link_tokens import cleaned, padded
from web.request.typed import digits_and_signs

LIFETIME_SECONDS = 60 * 60
LONGEST_NAME = 80  # characters, of a person or an organisation
SEATS = 3  # of a team that has not said how many
FIELDS = ("organisation", "name", "email", "seats")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An organisation that would like to begin, and its owner to be."""

    organisation: str
    name: str
    email: str
    seats: int


def seats(typed: str) -> int | None:
    """How many agents ``typed`` means; None if it is no number of seats that are sold."""
    typed = digits_and_signs(typed)
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= len(str(MOST_SEATS))):
        return None
    return int(typed) if 1 <= int(typed) <= MOST_SEATS else None


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the form, a sentence for each field that is to be mended; empty if nothing is."""
    found = {
        "organisation": _name_problem(typed["organisation"], "What is your organisation called?"),
        "name": _name_problem(typed["name"], "What may we call you?"),
        "email": _address_problem(typed["email"]),
        "seats": "" if seats(typed["seats"]) else f"A whole number of agents, please: 1 to {MOST_SEATS}.",
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def newcomer(typed: Mapping[str, str]) -> Newcomer:
    """Who has filled in a form without `problems`."""
    wanted = seats(typed["seats"])
    assert wanted is not None, "a form with problems is nobody's"
    return Newcomer(typed["organisation"], typed["name"], addresses.read(typed["email"]).shown, wanted)


def seal(who: Newcomer, secret: str, now: int) -> str:
    """The token of ``who``'s link, made ``now`` (seconds since 1970) under ``SESSION_SECRET``."""
    text = json.dumps(asdict(who), ensure_ascii=False, separators=(",", ":"))
    return _fernet(secret).encrypt_at_time(text.encode(), now).decode().rstrip("=")


def unseal(token: str, secrets: Iterable[str], now: int) -> Newcomer | None:
    """Whose link it is, under any of ``secrets``; None for a forged one, and for one that is too old."""
    try:
        keyring = MultiFernet([_fernet(secret) for secret in secrets])
        text = keyring.decrypt_at_time(padded(cleaned(token)), LIFETIME_SECONDS, now)
    except InvalidToken:
        return None
    return Newcomer(**json.loads(text))


def _address_problem(typed: str) -> str:
    try:
        addresses.read(typed)
    except AddressError as error:
        return str(error)
    return ""


def _name_problem(typed: str, asked: str) -> str:
    if not typed:
        return asked
    if len(typed) > LONGEST_NAME:
        return f"Please keep it to {LONGEST_NAME} characters."
    return "" if typed.isprintable() else "Please use letters and signs that can be printed."


def _fernet(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"bilby: sign-up link").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
