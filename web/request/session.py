"""The sign-in's cookie, and the CSRF token bound to it.

The cookie is a JWT (HS256, ``SESSION_SECRET``) of 12 hours that says who signed in and in which sign-in (``jti``),
and nothing about what they may do: the role is read from the database at every request (`web.request.access`).
Signing out puts the ``jti`` on a list, so that a copied cookie ends too.

A member who has opened their link and has yet to show a second factor has another cookie instead, for ten minutes:
half a sign-in, which opens nothing but the page that asks for a code.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from aiohttp import web

from protocol.times import from_milliseconds, milliseconds
from web.config import SETTINGS, Settings
from web.request.errors import ForbiddenError
from web.request.forms import FORM, field

LIFETIME = timedelta(hours=12)
HALF_LIFETIME = timedelta(minutes=10)
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
_ALGORITHM = "HS256"
_AUDIENCE = "sign-in"
_HALF = "second-factor"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in of a member: what a valid cookie says."""

    id: UUID
    member_id: UUID
    began_at: datetime
    expires_at: datetime


_SIGN_IN: web.RequestKey[SignIn | None] = web.RequestKey("sign_in")
"""The sign-in of the request's cookie, None without a valid one; absent until `read` ran."""


def cookie_name(settings: Settings) -> str:
    """Return the name of the sign-in cookie.

    ``__Host-`` makes the browser insist on Secure, this host alone and the whole path; it needs https.
    """
    return "__Host-bilby_session" if settings.secure else "bilby_session"


def begin(
    response: web.StreamResponse, settings: Settings, member_id: UUID, lifetime: timedelta = LIFETIME
) -> SignIn:
    """Sign ``member_id`` in: set the cookie on ``response``."""
    sign_in = _new(member_id, lifetime)
    _set(response, settings, cookie_name(settings), _sign(sign_in, settings, _AUDIENCE), lifetime)
    return sign_in


def begin_half(response: web.StreamResponse, settings: Settings, member_id: UUID) -> None:
    """Let ``member_id`` show their second factor: set the cookie of half a sign-in on ``response``."""
    token = _sign(_new(member_id, HALF_LIFETIME), settings, _HALF)
    _set(response, settings, _half_name(settings), token, HALF_LIFETIME)


def end(response: web.StreamResponse, settings: Settings) -> None:
    """Delete the sign-in cookie in the browser."""
    _delete(response, settings, cookie_name(settings))


def end_half(response: web.StreamResponse, settings: Settings) -> None:
    """Delete the cookie of `begin_half` in the browser."""
    _delete(response, settings, _half_name(settings))


def read(request: web.Request) -> SignIn | None:
    """Return the sign-in whose cookie ``request`` carries; None for none, a forged or an expired one."""
    if _SIGN_IN not in request:
        settings = request.app[SETTINGS]
        request[_SIGN_IN] = _verify(request.cookies.get(cookie_name(settings), ""), settings, _AUDIENCE)
    return request[_SIGN_IN]


def read_half(request: web.Request) -> SignIn | None:
    """Return the half sign-in whose cookie ``request`` carries; None for none, a forged or an expired one."""
    settings = request.app[SETTINGS]
    return _verify(request.cookies.get(_half_name(settings), ""), settings, _HALF)


def csrf_token(sign_in: SignIn, settings: Settings) -> str:
    """Return the token that our pages send with every change. It lasts as long as the sign-in."""
    return _csrf_token(sign_in, settings.session_secret.get_secret_value())


async def check_csrf(request: web.Request, sign_in: SignIn) -> None:
    """Raise `ForbiddenError` unless the request proves, by header or form field, to come from our own page."""
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and request.content_type == FORM:
        sent = await field(request, CSRF_FIELD)
    given = (sent or "").encode(errors="replace")
    secrets = request.app[SETTINGS].session_secret.accepted
    if not any(hmac.compare_digest(_csrf_token(sign_in, secret).encode(), given) for secret in secrets):
        raise ForbiddenError("This page was open for too long. Please reload it, then try again.")


def _csrf_token(sign_in: SignIn, secret: str) -> str:
    return hmac.new(secret.encode(), f"csrf:{sign_in.id}".encode(), hashlib.sha256).hexdigest()


def _half_name(settings: Settings) -> str:
    return "__Host-bilby_half" if settings.secure else "bilby_half"


def _new(member_id: UUID, lifetime: timedelta) -> SignIn:
    now = datetime.now(UTC)
    return SignIn(uuid4(), member_id, now, now + lifetime)


def _set(response: web.StreamResponse, settings: Settings, name: str, token: str, lifetime: timedelta) -> None:
    response.set_cookie(
        name,
        token,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="Lax",
    )


def _delete(response: web.StreamResponse, settings: Settings, name: str) -> None:
    response.del_cookie(name, path="/", secure=settings.secure, httponly=True, samesite="Lax")


def _sign(sign_in: SignIn, settings: Settings, audience: str) -> str:
    claims = {
        "aud": audience,
        "jti": str(sign_in.id),
        "sub": str(sign_in.member_id),
        "iat": sign_in.began_at,
        "at": milliseconds(sign_in.began_at),
        "exp": sign_in.expires_at,
    }
    return jwt.encode(claims, settings.session_secret.get_secret_value(), algorithm=_ALGORITHM)


def _verify(token: str, settings: Settings, audience: str) -> SignIn | None:
    verified = (_verify_under(secret, token, audience) for secret in settings.session_secret.accepted)
    return next((sign_in for sign_in in verified if sign_in is not None), None)


def _verify_under(secret: str, token: str, audience: str) -> SignIn | None:
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=audience,
            options={"require": ["exp", "iat", "jti", "sub", "aud"]},
        )
        return _read(claims)
    except (jwt.InvalidTokenError, ValueError, TypeError, ArithmeticError, OSError):  # claims that are none of ours
        return None


def _read(claims: dict[str, Any]) -> SignIn:
    """Return what the claims say. Raise ValueError, TypeError, OverflowError or OSError for what is not ours.

    ``at`` is when it began in ms; before there was one, ``iat`` said so in seconds.
    """
    expires, began = claims["exp"], claims.get("at")
    if began is None:
        began = claims["iat"] * 1000
    texts, numbers = (claims["jti"], claims["sub"]), (expires, began)
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError("claims of the wrong shape")
    began_at, expires_at = from_milliseconds(began), datetime.fromtimestamp(expires, UTC)
    return SignIn(UUID(texts[0]), UUID(texts[1]), began_at, expires_at)
