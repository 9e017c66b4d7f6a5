"""A Voice access token, checked as Twilio's edge checks it.

HS256 by the API key's secret, ``cty`` ``twilio-fpa;v=1``, ``twr`` the Region (a key of one Region means nothing in
another), ``iss`` the key, ``sub`` the account, grants ``identity`` and ``voice``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt

from sandbox.twilio.phone.softphones import is_identity
from sandbox.twilio.settings import TwilioSettings

CONTENT_TYPE = "twilio-fpa;v=1"
MOST_SECONDS = 24 * 3600


class TokenError(ValueError):
    """The token opens nothing. ``code`` is the gateway's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows. ``outgoing_app`` is empty if it may not call; ``expires`` is a Unix time."""

    identity: str
    expires: float
    incoming: bool
    outgoing_app: str
    outgoing_params: tuple[tuple[str, str], ...]


def verify(settings: TwilioSettings, token: object) -> Grant:
    """Return what ``token`` grants.

    Raise `TokenError` with the gateway's code: 31202 signature, 31204 invalid, 31205 expired, 31207 lives too long,
    31105 identity.
    """
    claims = _claims(settings, token)
    grants = claims.get("grants")
    identity = grants.get("identity") if isinstance(grants, dict) else None
    voice = grants.get("voice") if isinstance(grants, dict) else None
    if not isinstance(identity, str) or not identity or not isinstance(voice, dict):
        raise TokenError(31204, "no identity or no voice grant")
    if not is_identity(identity):
        raise TokenError(31105, "the identity may have letters, digits and underscores, 121 at most")
    outgoing = voice.get("outgoing") or {}
    return Grant(
        identity=identity,
        expires=float(claims["exp"]),
        incoming=bool((voice.get("incoming") or {}).get("allow")),
        outgoing_app=str(outgoing.get("application_sid", "")),
        outgoing_params=tuple((str(k), str(v)) for k, v in (outgoing.get("params") or {}).items()),
    )


def _claims(settings: TwilioSettings, token: object) -> dict[str, Any]:
    if not isinstance(token, str):
        raise TokenError(31204, "no token")
    try:
        _check_header(settings, jwt.get_unverified_header(token))
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.api_key_secret,
            algorithms=["HS256"],
            issuer=settings.api_key_sid,
            options={"require": ["exp", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise TokenError(31205, "the token has expired") from None
    except jwt.InvalidSignatureError:
        raise TokenError(31202, "signed by another key") from None
    except jwt.InvalidTokenError as error:
        raise TokenError(31204, f"{type(error).__name__}: {error}") from None
    if claims["sub"] != settings.account_sid:
        raise TokenError(31204, "of another account")
    if claims["exp"] > time.time() + MOST_SECONDS + 60:
        raise TokenError(31207, "lives longer than 24 hours")
    return claims


def _check_header(settings: TwilioSettings, header: dict[str, Any]) -> None:
    if header.get("cty") != CONTENT_TYPE:
        raise TokenError(31204, f"cty is not {CONTENT_TYPE}")
    if header.get("twr", "us1") != settings.region:
        raise TokenError(31204, f"of Region {header.get('twr', 'us1')}, not {settings.region}")
