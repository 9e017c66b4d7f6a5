"""All of Bilby on one machine but for its pages' users: an emulated Twilio calls, `web` answers, and two media nodes
hear, each a process of its own behind one address. Either can die, or fall silent as a machine does that is cut off.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from db.engine import Database
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from sandbox.twilio.emulator import Behaviour, Leg, Number, Twilio, TwilioSettings, twilio
from tests.kit.machines.load_balancer import Front, front
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import ACCOUNT, SECRET, TOKEN, Distant, media_process, scripted_vendor
from tests.kit.vendors.twilio_caller import available
from tests.kit.web.cast import Cast
from web.app import create_app
from web.bus import BUS
from web.config import Settings

WAIT = 60  # seconds that any one wait may take


@dataclass
class House:
    """What runs. ``first`` has the calls to begin with, ``second`` those that come after `turn`. ``web_front`` is the
    proxy by which Twilio reaches `web`, ``front`` the one by which it reaches media.
    """

    settings: Settings
    cast: Cast
    emulator: Twilio
    front: Front
    web_front: Front
    nats: NatsServer
    first: Distant
    second: Distant
    web: AsyncExitStack

    def ring(self, words: str) -> Leg:
        """Somebody calls, is answered, and says ``words``."""
        sound = coded_words.silence(0.5) + coded_words.encode(words) + coded_words.silence(60)
        return self.emulator.place_call(caller_audio=sound, agent_audio=coded_words.silence(60), speak_on="bridge")

    async def restart_web(self) -> None:
        """`web` ends, and a fresh one that knows nothing takes its place."""
        await self.web.aclose()
        await self.web.enter_async_context(web_process(self.settings))

    async def restart_proxies(self, seconds: float) -> None:
        """Both proxies are away for so long: no stream, no callback and no webhook comes through."""
        proxies = (self.front, self.web_front)
        for proxy in proxies:
            proxy.stop()
        await asyncio.sleep(seconds)
        for proxy in proxies:
            await proxy.start()

    def turn(self) -> None:
        """From now on sockets are passed on to the second node."""
        self.front.to = _port(self.second)

    async def screen(self, node: Distant) -> Screen:
        """The supervisor's console at ``node``."""
        return await node.screen(str(self.cast.sam.id), org=str(self.cast.a.id))

    def starts(self) -> int:
        """How many streams were ordered by REST."""
        return self.emulator.registry.count("POST", r"/Streams\.json$")


def freeze(node: Distant) -> None:
    """Let ``node`` fall silent: its sockets stay open, and nothing comes from it any more."""
    node.process.send_signal(signal.SIGSTOP)


@asynccontextmanager
async def web_process(settings: Settings) -> AsyncIterator[web.Application]:
    """A web process, in this one, connected to NATS."""
    app = create_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        async with asyncio.timeout(WAIT):
            await app[BUS].ready.wait()
        yield app
    finally:
        await runner.cleanup()


@asynccontextmanager
async def house(
    settings: Settings, database: Database, cast: Cast, folder: Path, free_port: Callable[[], int]
) -> AsyncIterator[House]:
    """The whole house, an agent waiting for calls."""
    await available(database, cast.bob)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats, vendor = await enter(NatsServer(folder)), await enter(scripted_vendor())
        balancer, web_front = [await enter(front(free_port())) for _ in range(2)]
        web_front.to = settings.web_port
        settings = settings.model_copy(update={"web_public_url": f"http://127.0.0.1:{web_front.port}"})
        first, second = [await enter(_media(nats, vendor, free_port(), balancer)) for _ in range(2)]
        balancer.to = _port(first)
        emulator = await enter(twilio(_account(settings, cast)))
        settings = settings.model_copy(update=_reached(nats, balancer, emulator))
        running = await enter(AsyncExitStack())
        await running.enter_async_context(web_process(settings))
        yield House(settings, cast, emulator, balancer, web_front, nats, first, second, running)


@asynccontextmanager
async def _media(nats: NatsServer, vendor: Vendor, port: int, balancer: Front) -> AsyncIterator[Distant]:
    async with media_process(nats, vendor, port, media_public_url=balancer.url, drain_seconds=1) as node:
        yield node


def _account(settings: Settings, cast: Cast) -> TwilioSettings:
    number = Number(
        cast.number.e164,
        voice_url=f"{settings.web_public_url}/twilio/voice/inbound",
        status_callback=f"{settings.web_public_url}/twilio/voice/status",
    )
    return TwilioSettings(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        api_key_sid=settings.twilio_api_key_sid,
        api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
        twiml_app_sid=settings.twilio_twiml_app_sid,
        port=0,
        numbers=(number,),
        say_seconds_per_char=0.001,
        agent=Behaviour(after=0.2),
    )


def _reached(nats: NatsServer, balancer: Front, emulator: Twilio) -> dict[str, Any]:
    """The settings of `web` that say where all of it is."""
    return {
        "nats_url": SecretStr(nats.url("web")),
        "media_public_url": balancer.url,
        "stream_shared_secret": SecretStr(SECRET),
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_tokens": (SecretStr(TOKEN),),
        "twilio_api_base": emulator.url,
    }


def _port(node: Distant) -> int:
    return int(node.url.rpartition(":")[2])
