"""Listen to Postgres for changes of organisations' phones, and look anyway while it cannot be heard.

One connection of the process LISTENs. While it is broken, everybody who waits is nudged every `Timing.poll` seconds,
and once more when it is back, since notifications sent meanwhile are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog
from prometheus_client import Gauge

from db.engine import Database, DatabaseUnavailableError
from db.queries.phone.conferences import CHANNEL

_log = structlog.get_logger(__name__)
_listens = Gauge("bilby_web_phone_listens", "1 while NOTIFY of Postgres is heard.")


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds."""

    poll: float = 2.0
    """Between two nudges of everybody while Postgres is not heard."""
    prove: float = 5.0
    """Between two signs of life of the connection."""


class Nudges:
    """Listens to Postgres. Calls ``one`` with an organisation that has changed, ``all_of_them`` if any may have.

    Notifications that the process ``me`` sent itself are ignored.
    """

    def __init__(
        self,
        database: Database,
        one: Callable[[UUID], None],
        all_of_them: Callable[[], None],
        timing: Timing = Timing(),
        *,
        me: str = "",
    ) -> None:
        self._database = database
        self._one = one
        self._all = all_of_them
        self._timing = timing
        self._me = me

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except DatabaseUnavailableError as error:
                _log.warning("notification listener lost", error=str(error))
            _listens.set(0)
            self._all()
            await asyncio.sleep(self._timing.poll)

    async def _listen(self) -> None:
        async with self._database.listening(CHANNEL, self._heard) as prove:
            _listens.set(1)
            self._all()
            while True:
                await asyncio.sleep(self._timing.prove)
                await prove()

    def _heard(self, payload: str) -> None:
        changed, _, by = payload.partition(" ")
        try:
            organisation_id = UUID(changed)
        except ValueError:
            _log.warning("notification names no organisation")
            return
        if not by or by != self._me:
            self._one(organisation_id)
