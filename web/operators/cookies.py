"""The cookies of operators: one for a sign-in, and one for half of it, between the mailed link and the code. Pure.

Both are JWTs under ``SESSION_SECRET`` whose audiences are no member's, and are sent to ``/operator`` alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import jwt
from aiohttp import web

from protocol.times import from_milliseconds, milliseconds
from web.config import SETTINGS, Settings

PATH = "/operator"
Kind = Literal["whole", "half"]
LIFETIMES: dict[Kind, timedelta] = {"whole": timedelta(hours=2), "half": timedelta(minutes=15)}
_NAMES: dict[Kind, str] = {"whole": "bilby_operator", "half": "bilby_operator_half"}
_AUDIENCES: dict[Kind, str] = {"whole": "operator with factor", "half": "half an operator"}
_ALGORITHM = "HS256"


def begin(response: web.StreamResponse, settings: Settings, kind: Kind, operator_id: UUID) -> None:
    """Sign in, or half: set the cookie on ``response``."""
    now = datetime.now(UTC)
    claims = {
        "aud": _AUDIENCES[kind],
        "sub": str(operator_id),
        "at": milliseconds(now),
        "exp": now + LIFETIMES[kind],
    }
    response.set_cookie(
        name(settings, kind),
        jwt.encode(claims, settings.session_secret.get_secret_value(), algorithm=_ALGORITHM),
        max_age=int(LIFETIMES[kind].total_seconds()),
        path=PATH,
        secure=settings.secure,
        httponly=True,
        samesite="Strict",
    )


def end(response: web.StreamResponse, settings: Settings, kind: Kind) -> None:
    """Delete the cookie in the browser."""
    response.del_cookie(name(settings, kind), path=PATH, secure=settings.secure, httponly=True, samesite="Strict")


def name(settings: Settings, kind: Kind) -> str:
    """Return the name of the cookie of that kind.

    ``__Secure-`` makes the browser insist on https. ``__Host-`` would also insist on the whole site as its path.
    """
    return f"__Secure-{_NAMES[kind]}" if settings.secure else _NAMES[kind]


def read(request: web.Request, kind: Kind) -> tuple[UUID, datetime] | None:
    """Return whose cookie ``request`` carries, and since when; None for none, a forged or an expired one."""
    settings = request.app[SETTINGS]
    token = request.cookies.get(name(settings, kind), "")
    for secret in settings.session_secret.accepted:
        try:
            claims = jwt.decode(
                token,
                secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCES[kind],
                options={"require": ["exp", "sub", "at"]},
            )
            return UUID(claims["sub"]), from_milliseconds(claims["at"])
        except (jwt.InvalidTokenError, ValueError, TypeError, ArithmeticError, OSError, AttributeError):
            continue
    return None
