"""The cookie of the browser that asked for a sign-in link: there, the mailed link signs in without a question.

It only proves that this browser asked for a link to that address. In any other browser (a mail scanner's, another
person's) the link shows a button.
"""

from __future__ import annotations

from aiohttp import web

from db import email_addresses
from db.queries.sign_in.sign_in_links import LIFETIME
from web.config import Settings
from web.people.browser_cookies import BrowserCookie

_COOKIE = BrowserCookie("asked", LIFETIME)


def remember(response: web.StreamResponse, settings: Settings, email: str) -> None:
    """Set the cookie: this browser asked for a link to ``email``. It lives as long as the link."""
    _COOKIE.remember(response, settings, email_addresses.key(email))


def forget(response: web.StreamResponse, settings: Settings) -> None:
    """Delete the cookie: the link has been used."""
    _COOKIE.forget(response, settings)


def is_here(request: web.Request, email: str) -> bool:
    """Return whether the browser that sent ``request`` asked for a link to ``email``."""
    return _COOKIE.is_here(request, email_addresses.key(email))
