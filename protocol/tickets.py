"""Sign and verify tickets: short-lived passes from web to media, each used once.

A ticket is a JWT (HS256, ``STREAM_SHARED_SECRET``). There are four kinds, distinguished by ``aud``:

* *stream*: opens one call's Media Stream. Claims ``org``, ``call`` (the CallSid), ``dir``, ``on`` (whose leg the
  stream hangs on, ``customer`` or ``agent``; absent: the customer's if inbound, else the agent's), ``agent`` (member
  id, absent until somebody answers), ``jti``, ``exp`` at most 120 s ahead; and ``began`` (ms since 1970) when it is
  not the call's first stream: the call's clock started then. What its number sets: ``lang`` (``en-AU``; absent: the
  installation's) and ``red`` (1: personal details are left out).
* *vocabulary*: names the custom vocabulary of one call. Claims ``call``, ``name``, ``jti`` and ``exp``. It has a
  parameter of its own, as a stream's ticket has no room for the name.
* *console*: opens one browser's console. Claims ``org``, ``sub`` (member id), ``role``, ``jti``,
  ``exp`` at most 60 s ahead; and ``iat`` (when the member's rights were read), ``until`` (when their sign-in ends),
  both in seconds since 1970 and absent from tickets of an older release.
* *reading*: lets a console read one call of its organisation, which web has written down. Claims ``org``, ``sub``,
  ``name`` (the member's), ``call`` (the CallSid), ``shown`` (whether the call's agent is shown it), ``jti``, ``exp``.

Pure: verification proves the claims. The verifier has to remember which ``jti`` was used (`UsedTickets`) and who lost
their rights since a ticket was issued (`Revoked`).
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jwt

STREAM_SECONDS = 120
CONSOLE_SECONDS = 60
REVOKED_SECONDS = 2 * CONSOLE_SECONDS
_ALGORITHM = "HS256"
_LONGEST_TEXT = 200  # characters of a claim
_LATEST_SECONDS = 2**33  # since 1970; a later time is invalid
LONGEST_VOCABULARY = 100  # characters of its name: the ticket must stay under Twilio's limit
VOCABULARY_NAME = re.compile(r"[0-9a-zA-Z._-]{1,100}", re.ASCII)  # AWS's pattern
LANGUAGE = re.compile(r"[a-z]{2,3}-[A-Z]{2}", re.ASCII)
_LEEWAY_SECONDS = 5  # two machines' clocks differ a little

Direction = Literal["inbound", "outbound"]
StreamLeg = Literal["customer", "agent"]
"""Whose leg a stream hangs on: its inbound track is what that party says."""
Role = Literal["owner", "admin", "supervisor", "agent"]
Accepted = str | tuple[str, ...]
"""The secret whose tickets are accepted, or all of them during a rotation."""


class TicketError(ValueError):
    """The ticket is forged, expired, of another kind, or malformed.

    The message says which, never the ticket's text.
    """


@dataclass(frozen=True, slots=True)
class StreamTicket:
    """What a stream ticket grants: one stream of ``call``, for organisation ``org``."""

    org: str
    call: str
    direction: Direction
    agent: str | None
    jti: str
    exp: int
    began: int | None = None
    on: StreamLeg = "customer"
    language: str | None = None
    """``en-AU``; None: the installation's."""
    redacts: bool = False


@dataclass(frozen=True, slots=True)
class ConsoleTicket:
    """What a console ticket grants: one console of ``org`` for member ``sub``, seeing what ``role`` may see."""

    org: str
    sub: str
    role: Role
    jti: str
    exp: int
    issued_at: float
    """Seconds since 1970, by web's clock."""
    until: float | None = None
    """When the sign-in ends, likewise."""


@dataclass(frozen=True, slots=True)
class ReadingTicket:
    """What a reading ticket grants: member ``sub`` of ``org`` reads ``call``, and may write to its agent."""

    org: str
    sub: str
    name: str
    call: str
    shown: bool
    jti: str
    exp: int


def sign_stream(
    secret: str,
    *,
    org: str,
    call: str,
    direction: Direction,
    agent: str | None = None,
    began: int | None = None,
    on: StreamLeg | None = None,
    language: str | None = None,
    redacts: bool = False,
) -> str:
    """Return a ticket for one stream of ``call``, valid for two minutes, of under 500 characters (Twilio's limit).

    ``on``: None for the leg that is usual for ``direction``. ``language``: None for the installation's.
    """
    claims: dict[str, Any] = {"aud": "stream", "org": org, "call": call, "dir": direction}
    if on is not None:
        claims["on"] = on
    if agent is not None:
        claims["agent"] = agent
    if began is not None:
        claims["began"] = began
    if language is not None:
        claims["lang"] = language
    if redacts:
        claims["red"] = 1
    return _sign(secret, claims, STREAM_SECONDS)


def sign_vocabulary(secret: str, *, call: str, name: str) -> str:
    """Return the ticket that names the vocabulary of ``call``."""
    return _sign(secret, {"aud": "vocabulary", "call": call, "name": name}, STREAM_SECONDS)


def verify_vocabulary(accepted: Accepted, token: object, call: str) -> str:
    """Return the name of the vocabulary of ``call``. Raise `TicketError`."""
    claims = _verify(accepted, token, "vocabulary", STREAM_SECONDS)
    if _text(claims, "call") != call:
        raise TicketError("another call")
    return _matching(claims, "name", VOCABULARY_NAME)


def sign_console(
    secret: str, *, org: str, sub: str, role: Role, issued_at: float | None = None, until: float | None = None
) -> str:
    """Return a ticket for one console of member ``sub``, valid for one minute.

    ``issued_at``: a time before the member's rights were read; None means now. ``until``: when their sign-in ends.
    """
    claims: dict[str, Any] = {"aud": "console", "org": org, "sub": sub, "role": role}
    claims["iat"] = time.time() if issued_at is None else issued_at
    if until is not None:
        claims["until"] = until
    return _sign(secret, claims, CONSOLE_SECONDS)


def sign_reading(secret: str, *, org: str, sub: str, name: str, call: str, shown: bool) -> str:
    """Return a ticket for reading one call, valid for one minute."""
    claims: dict[str, Any] = {"aud": "reading", "org": org, "sub": sub, "name": name, "call": call, "shown": shown}
    return _sign(secret, claims, CONSOLE_SECONDS)


def verify_stream(accepted: Accepted, token: object) -> StreamTicket:
    """Return the claims of a stream ticket. Raise `TicketError`."""
    claims = _verify(accepted, token, "stream", STREAM_SECONDS)
    direction = claims.get("dir")
    on = claims.get("on", "customer" if direction == "inbound" else "agent")
    agent, began = claims.get("agent"), claims.get("began")
    if direction not in ("inbound", "outbound") or not isinstance(began, int | None) or isinstance(began, bool):
        raise TicketError("claims of the wrong shape")
    if on not in ("customer", "agent"):
        raise TicketError("claims of the wrong shape")
    if began is not None and not 0 <= began <= _LATEST_SECONDS * 1000:
        raise TicketError("claims of the wrong shape")
    if agent is not None:
        agent = _text(claims, "agent")
    language = _matching(claims, "lang", LANGUAGE) if "lang" in claims else None
    if (redacts := claims.get("red", 0)) not in (0, 1):
        raise TicketError("claims of the wrong shape")
    org, call = _text(claims, "org"), _text(claims, "call")
    return StreamTicket(
        org, call, direction, agent, claims["jti"], claims["exp"], began, on, language, redacts=bool(redacts)
    )


def verify_console(accepted: Accepted, token: object) -> ConsoleTicket:
    """Return the claims of a console ticket. Raise `TicketError`."""
    claims = _verify(accepted, token, "console", CONSOLE_SECONDS)
    role = claims.get("role")
    if role not in ("owner", "admin", "supervisor", "agent"):
        raise TicketError("unknown role")
    issued_at = _seconds(claims, "iat")
    return ConsoleTicket(
        _text(claims, "org"),
        _text(claims, "sub"),
        role,
        claims["jti"],
        claims["exp"],
        claims["exp"] - CONSOLE_SECONDS if issued_at is None else issued_at,
        _seconds(claims, "until"),
    )


def verify_reading(accepted: Accepted, token: object) -> ReadingTicket:
    """Return the claims of a reading ticket. Raise `TicketError`."""
    claims = _verify(accepted, token, "reading", CONSOLE_SECONDS)
    shown = claims.get("shown")
    if not isinstance(shown, bool):
        raise TicketError("claims of the wrong shape")
    org, sub, name, call = (_text(claims, each) for each in ("org", "sub", "name", "call"))
    return ReadingTicket(org, sub, name, call, shown, claims["jti"], claims["exp"])


class UsedTickets:
    """The ``jti``s already used, each remembered until its ticket expires, which bounds their number."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._sweep_at = 0.0

    def use_once(self, jti: str, exp: float) -> bool:
        """Mark ``jti`` used. Return False if it was used before."""
        now = time.time()
        if now >= self._sweep_at:
            self._until = {known: until for known, until in self._until.items() if until > now}
            self._sweep_at = now + STREAM_SECONDS
        if jti in self._until:
            return False
        self._until[jti] = exp + _LEEWAY_SECONDS
        return True


class Revoked:
    """When each member's console tickets were revoked, remembered for longer than a ticket is valid."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now  # in seconds since 1970
        self._since: dict[tuple[str, str], float] = {}
        self._until: dict[tuple[str, str], float] = {}

    def revoke(self, org: str, sub: str, at: float) -> None:
        """Revoke tickets that member ``sub`` was given before ``at``, in seconds since 1970."""
        now = self._now()
        for member in [member for member, until in self._until.items() if until <= now]:
            del self._until[member], self._since[member]
        member = (org, sub)
        self._since[member] = max(at, self._since.get(member, at))
        self._until[member] = now + REVOKED_SECONDS

    def covers(self, ticket: ConsoleTicket) -> bool:
        """Return whether ``ticket`` was issued before its member's tickets were revoked."""
        since = self._since.get((ticket.org, ticket.sub))
        return since is not None and ticket.issued_at <= since


def _sign(secret: str, claims: dict[str, Any], seconds: int) -> str:
    claims |= {"jti": uuid.uuid4().hex, "exp": int(time.time()) + seconds}
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)


def _verify(accepted: Accepted, token: object, audience: str, seconds: int) -> dict[str, Any]:
    if not isinstance(token, str):
        raise TicketError("no ticket")
    try:
        claims = _decode((accepted,) if isinstance(accepted, str) else accepted, token, audience)
    except (
        jwt.InvalidTokenError,
        ValueError,
        TypeError,
        ArithmeticError,  # exp is infinity
    ) as error:
        raise TicketError(type(error).__name__) from None
    if type(claims["exp"]) is not int:
        raise TicketError("claims of the wrong shape")
    if claims["exp"] > time.time() + seconds + _LEEWAY_SECONDS:
        raise TicketError("valid for too long")
    _text(claims, "jti")
    return claims


def _decode(secrets: Sequence[str], token: str, audience: str) -> dict[str, Any]:
    """Return the claims, verified with the first of ``secrets`` that fits the signature."""
    for secret in secrets:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=[_ALGORITHM],
                audience=audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "jti", "aud"]},
            )
            return claims
        except jwt.InvalidSignatureError:
            continue
    raise jwt.InvalidSignatureError


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST_SECONDS:
        raise TicketError("claims of the wrong shape")
    return value


def _matching(claims: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = _text(claims, name)
    if not pattern.fullmatch(value):
        raise TicketError(f"invalid {name}")
    return value


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TicketError(f"no {name}")
    if len(value) > _LONGEST_TEXT or not value.isprintable():  # it goes into subjects and logs
        raise TicketError(f"invalid {name}")
    return value
