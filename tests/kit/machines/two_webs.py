"""Two web processes behind one address, of which the first can be killed; and the emulated Twilio that calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from db.engine import Database
from db.models import Member
from tests.kit.machines.forked import Forked
from tests.kit.machines.load_balancer import Front, as_caddy_does
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown, emulated, present
from tests.kit.web.site import Browser, Site, application
from tests.kit.web.web_process import environment_of, started_web
from web.config import Settings


@dataclass
class TwoWebs:
    """What runs. All requests go to ``first`` until `kill`, then to the other."""

    town: RoomTown
    front: Front
    first: Forked
    other: int
    """The port of the second process."""
    browsers: list[Browser] = field(default_factory=list)

    async def kill(self) -> None:
        """Kill the first process with SIGKILL; a moment later its sockets are gone and the other gets what comes."""
        assert self.first.returncode is None
        self.first.kill()
        await self.first.wait()
        self.front.to = self.other

    async def sign_in(self, member: Member) -> Browser:
        """Return the member's browser, signed in."""
        browser = Browser(self.town.site, self.town.database)
        self.browsers.append(browser)
        return await browser.sign_in(member)


@asynccontextmanager
async def two_webs(
    settings: Settings,
    database: Database,
    cast: Cast,
    free_port: Callable[[], int],
    more: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[TwoWebs]:
    """Run all of it, with ``more`` in web's environment. ``changes`` are of the emulated Twilio's settings."""
    async with AsyncExitStack() as stack:
        enter, ports = stack.enter_async_context, (free_port(), free_port())
        passing = await enter(as_caddy_does(settings.web_port))
        emulator = await enter(emulated(settings, cast, **changes))
        shared = {"TWILIO_API_BASE": emulator.url, "CALL_ROUTING": "rooms", **(more or {})}
        environment = environment_of(settings) | shared
        first, _ = [
            await enter(started_web(environment | {"WEB_PORT": str(port)}, f"http://127.0.0.1:{port}"))
            for port in ports
        ]
        passing.to = ports[0]
        await present(database, cast)
        site = Site(application(settings), settings.web_public_url)
        running = TwoWebs(RoomTown(emulator, site, database, cast), passing, first, ports[1])
        try:
            yield running
        finally:
            passing.patience = 0.0  # Twilio's last callbacks need not wait for processes that end before it
            for browser in running.browsers:
                await browser.http.close()
