"""The customer of an emulated Twilio: an application that answers its webhooks, and a Media Streams listener.

Whatever comes unsigned or wrongly signed is answered 403, as a real application would.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from twilio.request_validator import RequestValidator
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from sandbox.twilio.emulator import Number, Twilio, TwilioSettings, twilio

NUMBER = "+61255501234"
MOBILE = "+61491570156"
TOKEN = "t" * 32
SECONDS = 60  # longest wait for anything


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that Twilio made."""

    path: str
    form: dict[str, str]
    headers: dict[str, str]
    method: str = "POST"


@dataclass(eq=False)
class Heard:
    """One Media Stream as its listener saw it."""

    headers: dict[str, str]
    path: str
    texts: list[dict[str, Any]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    connection: ServerConnection | None = None

    @property
    def start(self) -> dict[str, Any]:
        """The ``start`` body."""
        return next(dict(text["start"]) for text in self.texts if text["event"] == "start")

    def media(self, track: str) -> list[dict[str, Any]]:
        """The media bodies of ``track`` as they came."""
        return [text["media"] for text in self.texts if text["event"] == "media" and text["media"]["track"] == track]

    def sound(self, track: str) -> bytes:
        """The mu-law of ``track``, one frame after the other."""
        return b"".join(base64.b64decode(media["payload"]) for media in self.media(track))


class Customer:
    """What the application says, and what it was asked."""

    def __init__(self, url: str, media_url: str) -> None:
        self.url = url
        self.media_url = media_url
        self.asked: list[Asked] = []
        self.streams: list[Heard] = []
        self.refuses: HTTPStatus | None = None  # of Media Streams handshakes
        self.closes_with: int | None = None  # a Media Streams close code, sent after the first frame
        self._answers: dict[str, str | Callable[[Asked], web.Response]] = {}
        self._happened = asyncio.Event()

    def says(self, path: str, twiml: str | Callable[[Asked], web.Response]) -> None:
        """Answer ``path`` with the verbs ``twiml`` from now on."""
        self._answers[path] = twiml

    def of(self, path: str) -> list[dict[str, str]]:
        """The forms that came to ``path``."""
        return [asked.form for asked in self.asked if asked.path == path]

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until ``condition`` holds; it is looked at whenever something came."""
        async with asyncio.timeout(SECONDS):
            while not condition():
                self._happened.clear()
                await self._happened.wait()

    async def until_asked(self, path: str, times: int = 1, **fields: str) -> dict[str, str]:
        """The ``times``th form at ``path`` with these ``fields``."""

        def matching() -> list[dict[str, str]]:
            return [form for form in self.of(path) if fields.items() <= form.items()]

        await self.until(lambda: len(matching()) >= times)
        return matching()[times - 1]

    async def until_streaming(self, times: int = 1) -> Heard:
        """The ``times``th stream, once it has begun."""
        await self.until(lambda: len([s for s in self.streams if len(s.texts) > 1]) >= times)
        return self.streams[times - 1]

    async def respond(self, request: web.Request) -> web.Response:
        """Answer a webhook."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        signature = request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(TOKEN).validate(f"{self.url}{request.raw_path}", form, signature):
            return web.Response(status=403)
        asked = Asked(request.path, form | dict(request.query), dict(request.headers), request.method)
        self.asked.append(asked)
        self._happened.set()
        answer = self._answers.get(request.path, "")
        return markup(answer) if isinstance(answer, str) else answer(asked)

    async def listen(self, connection: ServerConnection) -> None:
        """Hear one Media Stream."""
        assert connection.request is not None
        heard = Heard(dict(connection.request.headers), connection.request.path, connection=connection)
        self.streams.append(heard)
        try:
            async for text in connection:
                heard.texts.append(json.loads(text))
                self._happened.set()
                if self.closes_with and len(heard.texts) > 2:
                    await connection.close(self.closes_with, "enough")
        except ConnectionClosed:
            pass
        heard.over.set()
        self._happened.set()

    async def shake_hands(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let in what is signed for the URL in the TwiML."""
        if self.refuses is not None:
            return connection.respond(self.refuses, "")
        signature = request.headers.get("x-twilio-signature", "")
        signed = RequestValidator(TOKEN).validate(f"{self.media_url}{request.path}", {}, signature)
        return None if signed else connection.respond(HTTPStatus.FORBIDDEN, "")


def markup(verbs: str) -> web.Response:
    """A TwiML answer."""
    return web.Response(text=f"<Response>{verbs}</Response>", content_type="text/xml")


def settings(customer: Customer, **changes: Any) -> TwilioSettings:
    """An account with one number of ``customer``'s. Ten times as fast as life."""
    number = Number(NUMBER, f"{customer.url}/voice", status_callback=f"{customer.url}/status")
    known: dict[str, Any] = {
        "account_sid": f"AC{'1' * 32}",
        "auth_token": TOKEN,
        "api_key_sid": f"SK{'2' * 32}",
        "api_key_secret": "s" * 32,
        "twiml_app_sid": f"AP{'3' * 32}",
        "twiml_app_voice_url": f"{customer.url}/app",
        "twiml_app_status_callback": f"{customer.url}/status",
        "numbers": (number,),
        "port": 0,
        "speed": 10.0,
        "say_seconds_per_char": 0.01,
    }
    return TwilioSettings(**(known | changes))


@asynccontextmanager
async def town(**changes: Any) -> AsyncIterator[tuple[Twilio, Customer]]:
    """An emulated Twilio and its customer, who listens to Media Streams too."""
    async with AsyncExitStack() as stack:
        customer = await stack.enter_async_context(_open())
        yield await stack.enter_async_context(twilio(settings(customer, **changes))), customer


@asynccontextmanager
async def _open() -> AsyncIterator[Customer]:
    customer = Customer("", "")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", customer.respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    customer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with serve(customer.listen, "127.0.0.1", 0, process_request=customer.shake_hands) as server:
            customer.media_url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            yield customer
    finally:
        await runner.cleanup()


def codes(emulator: Twilio) -> list[int]:
    """What Twilio's debugger complains about."""
    return [alert.code for alert in emulator.exchange.alerts]


def tones(*seconds: float) -> Iterable[bytes]:
    """Raw mu-law sounds, each of another constant code, which no other has."""
    return [bytes([16 + at]) * int(8000 * length) for at, length in enumerate(seconds)]
