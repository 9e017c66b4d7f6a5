"""An authenticator app: `pyotp` on a phone whose clock is right."""

from __future__ import annotations

import time

import pyotp

from db.engine import Database
from db.models import Member
from db.queries.sign_in.second_factors import SecondFactors


class Authenticator:
    """The app with one secret in it. It gives two codes within half a minute, as the second may be the next one."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret.replace(" ", ""))
        self._last = 0

    def code(self) -> str:
        """The code of now, or if that was given before, the one after it."""
        self._last = max(self._last + 1, int(time.time()) // 30)
        return self._totp.generate_otp(self._last)

    def wrong(self) -> str:
        """Six digits that are no code near now."""
        now = int(time.time()) // 30
        near = {self._totp.generate_otp(step) for step in range(now - 5, now + 6)}
        return next(f"{number:06}" for number in range(100) if f"{number:06}" not in near)


async def enrolled(database: Database, member: Member) -> tuple[Authenticator, list[str]]:
    """The app of a member who has a second factor, and their recovery codes."""
    async with database.begin() as session:
        factors = SecondFactors(session, member.organisation_id)
        factor = await factors.proposed(member.id, pyotp.random_base32())
        return Authenticator(factor.secret), list(await factors.confirm(member.id, factor, step=0))
