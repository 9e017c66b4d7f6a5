"""The cookie of the browser that asked for a sign-in link: there, the mailed link signs in without a question.

It only proves that this browser asked for a link to that address. In any other browser (a mail scanner's, another
person's) the link shows a button.
"""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import web

from db import addresses
from db.queries.sign_in_links import LIFETIME
from web.config import SETTINGS, Settings


def remember(response: web.StreamResponse, settings: Settings, email: str) -> None:
    """Set the cookie: this browser asked for a link to ``email``. It lives as long as the link."""
    response.set_cookie(
        _name(settings),
        _mark(settings.session_secret.get_secret_value(), email),
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="Lax",
    )


def forget(response: web.StreamResponse, settings: Settings) -> None:
    """Delete the cookie: the link has been used."""
    response.del_cookie(_name(settings), path="/", secure=settings.secure, httponly=True, samesite="Lax")


def is_here(request: web.Request, email: str) -> bool:
    """Return whether the browser that sent ``request`` asked for a link to ``email``."""
    settings = request.app[SETTINGS]
    sent = request.cookies.get(_name(settings), "").encode(errors="replace")
    marks = (_mark(secret, email).encode() for secret in settings.session_secret.accepted)
    return any(hmac.compare_digest(sent, mark) for mark in marks)


def _name(settings: Settings) -> str:
    return "__Host-bilby_asked" if settings.secure else "bilby_asked"


def _mark(secret: str, email: str) -> str:
    return hmac.new(secret.encode(), f"asked:{addresses.key(email)}".encode(), hashlib.sha256).hexdigest()
