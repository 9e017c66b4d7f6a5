"""Codes of an authenticator app (RFC 6238), and the picture by which the app learns its secret. Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno

STEP_SECONDS = 30
DIGITS = 6
_DRIFT = 1  # steps that a phone's clock may be off
_ISSUER = "Bilby"
_GROUP = 4  # letters


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret as it is shown: to be scanned, opened on the same device, or typed in groups of four."""

    width: int
    path: str
    letters: str
    address: str


def new_secret() -> str:
    """Return a secret in base32: 160 bits."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, at: datetime, after: int | None) -> int | None:
    """Return the time step that ``code`` belongs to, near ``at`` and later than ``after``; None if there is none.

    Nothing up to ``after`` counts: a code that was taken is not taken again, nor one that is older.
    """
    if not (code.isascii() and code.isdecimal() and len(code) == DIGITS):
        return None
    app, now = pyotp.TOTP(secret, interval=STEP_SECONDS), int(at.timestamp()) // STEP_SECONDS
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if hmac.compare_digest(app.generate_otp(step), code) and (after is None or step > after):
            return step
    return None


def proposal(secret: str, account: str, issuer: str = _ISSUER) -> Proposal:
    """Return ``secret`` as it is shown; the app lists it under ``issuer`` and ``account``."""
    uri = address(secret, account, issuer)
    width, path = picture(uri)
    groups = (secret[at : at + _GROUP] for at in range(0, len(secret), _GROUP))
    return Proposal(width, path, " ".join(groups), uri)


def address(secret: str, account: str, issuer: str = _ISSUER) -> str:
    """Return what the picture says: ``otpauth://…``."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=account, issuer_name=issuer)


def picture(text: str) -> tuple[int, str]:
    """Return a QR code of ``text`` for an SVG: its width with margin, and the path of its dark squares."""
    rows = tuple(segno.make(text, error="m").matrix_iter(border=4))
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return len(rows), "".join(dark)
