"""All of Bilby on one machine but for its pages' users: an emulated Twilio calls, `web` answers, and two media nodes
hear, each a process of its own behind one address. Either can die, or fall silent as a machine does that is cut off.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from db.engine import Database
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from sandbox.twilio.emulator import Leg, Number, Twilio, TwilioSettings, twilio
from tests.kit.machines.load_balancer import Front, front
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import ACCOUNT, SECRET, TOKEN, Distant, media_process, scripted_vendor
from tests.kit.web.cast import Cast
from tests.kit.web.phones import scripted_agent
from tests.kit.web.site import serving
from web.bus import BUS
from web.calls.streams.recovery import Timing
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
    transcribe: Vendor
    first: Distant
    second: Distant
    recovery: Timing
    web: AsyncExitStack

    def ring(self, words: str) -> Leg:
        """Somebody calls, is answered, and says ``words``."""
        sound = coded_words.silence(0.5) + coded_words.encode(words) + coded_words.silence(60)
        return self.emulator.place_call(caller_audio=sound, agent_audio=coded_words.silence(60), speak_on="bridge")

    async def restart_web(self) -> None:
        """`web` ends, and a fresh one that knows nothing takes its place."""
        await self.web.aclose()
        await self.web.enter_async_context(web_process(self.settings, self.recovery))

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
async def web_process(
    settings: Settings,
    recovery: Timing = Timing(),  # noqa: B008  (frozen)
) -> AsyncIterator[web.Application]:
    """A web process, in this one, connected to NATS."""
    async with serving(settings, recovery=recovery) as site:
        async with asyncio.timeout(WAIT):
            await site.app[BUS].ready.wait()
        yield site.app


@asynccontextmanager
async def house(
    settings: Settings,
    database: Database,
    cast: Cast,
    folder: Path,
    free_port: Callable[[], int],
    recovery: Timing = Timing(),  # noqa: B008
) -> AsyncIterator[House]:
    """The whole house, an agent waiting for calls."""
    async with empty_house(settings, cast, folder, free_port, recovery=recovery) as running:
        web_url, twilio_url = running.settings.web_public_url, running.emulator.url
        async with scripted_agent(database, cast.bob, web_url=web_url, twilio_url=twilio_url):
            yield running


@asynccontextmanager
async def empty_house(
    settings: Settings,
    cast: Cast,
    folder: Path,
    free_port: Callable[[], int],
    *,
    known: Mapping[str, Any] = MappingProxyType({}),
    media: Mapping[str, Any] = MappingProxyType({}),
    recovery: Timing = Timing(),  # noqa: B008
) -> AsyncIterator[House]:
    """The whole house, and nobody in it. ``known`` is what Transcribe knows of who may use it, ``media`` more of
    both nodes' environment, ``recovery`` how soon `web` notices what calls have lost.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats, vendor = await enter(NatsServer(folder)), await enter(scripted_vendor(**known))
        balancer, web_front = [await enter(front(free_port())) for _ in range(2)]
        web_front.to = settings.web_port
        settings = settings.model_copy(update={"web_public_url": f"http://127.0.0.1:{web_front.port}"})
        first, second = [await enter(_media(nats, vendor, free_port(), balancer, media)) for _ in range(2)]
        balancer.to = _port(first)
        emulator = await enter(twilio(_account(settings, cast)))
        settings = settings.model_copy(update=_reached(nats, balancer, emulator))
        running = await enter(AsyncExitStack())
        await running.enter_async_context(web_process(settings, recovery))
        try:
            yield House(settings, cast, emulator, balancer, web_front, nats, vendor, first, second, recovery, running)
        finally:
            for node in (first, second):
                node.process.kill()  # or Twilio waits for one that is frozen to close its sockets


@asynccontextmanager
async def _media(
    nats: NatsServer, vendor: Vendor, port: int, balancer: Front, more: Mapping[str, Any]
) -> AsyncIterator[Distant]:
    url = balancer.url
    async with media_process(nats, vendor, port, media_public_url=url, drain_seconds=1, **more) as node:
        yield node


def _account(settings: Settings, cast: Cast) -> TwilioSettings:
    voice = f"{settings.web_public_url}/twilio/voice"
    number = Number(cast.number.e164, voice_url=f"{voice}/inbound", status_callback=f"{voice}/status")
    return TwilioSettings(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        api_key_sid=settings.twilio_api_key_sid,
        api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
        twiml_app_sid=settings.twilio_twiml_app_sid,
        twiml_app_voice_url=f"{voice}/outbound",
        port=0,
        numbers=(number,),
        say_seconds_per_char=0.001,
    )


def _reached(nats: NatsServer, balancer: Front, emulator: Twilio) -> dict[str, Any]:
    """The settings of `web` that say where all of it is."""
    return {
        "call_routing": "rooms",
        "nats_url": SecretStr(nats.url("web")),
        "media_public_url": balancer.url,
        "stream_shared_secret": SecretStr(SECRET),
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_tokens": (SecretStr(TOKEN),),
        "twilio_api_base": emulator.url,
    }


def _port(node: Distant) -> int:
    return int(node.url.rpartition(":")[2])
