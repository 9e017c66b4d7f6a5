"""All parts of the sandbox, started in the order in which they need one another, and stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from db import migrate, roles
from db.engine import Database, DatabaseUnavailableError
from sandbox.agent.agent import Agent, Habits, agent
from sandbox.agent.desk import DeskError
from sandbox.config import HOST, Addresses, Secrets, Settings, product_environment
from sandbox.demo_organisation import invite_stand_in, seed
from sandbox.demo_purchase import given, settle
from sandbox.engines.nats import NatsServer
from sandbox.engines.postgres import EmbeddedPostgres
from sandbox.engines.processes import Child, StartError, locked, start, stop_recorded
from sandbox.recognition.choice import choose
from sandbox.recognition.recogniser import RecogniserError

_ROOT = Path(__file__).parents[1]
_READY_SECONDS = 60.0  # a cold start on a busy machine
_READY_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 8.0
_VENDORS = "outside world"
_PRODUCT = ("media", "web", "provisioning")

Say = Callable[[str], None]


class PartLostError(StartError):
    """A part that ran has ended by itself. The text says which, and its last words."""


@dataclass(slots=True)
class Stack:
    """A running sandbox."""

    settings: Settings
    database: Database
    children: list[Child] = field(default_factory=list)

    async def until_one_ends(self) -> None:
        """Wait until any part ends by itself; then raise `PartLostError`."""
        async with asyncio.TaskGroup() as tasks:
            ends = {tasks.create_task(child.process.wait()): child for child in self.children}
            done, rest = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in rest:
                end.cancel()
        raise PartLostError("\n".join(ends[end].exit_report() for end in done))


@contextlib.asynccontextmanager
async def running(settings: Settings, say: Say) -> AsyncIterator[Stack]:
    """Start everything, telling each step; stop everything on the way out, however far it came.

    Raise `StartError`, alone or in a group: which part did not start, and why.
    """
    folder = settings.dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(locked(folder, "set SANDBOX_DIR to another folder"))
        for record in (*folder.glob("*.pid"), folder / "nats" / "nats.pid"):
            stop_recorded(record)  # where the kernel did not end them with a killed run
        _check_ports(settings)
        kept = Secrets.kept_in(folder)
        with _step("speech recogniser", say):
            settings = await _with_ears(settings, say)
        postgres, nats = EmbeddedPostgres(folder / "postgres"), NatsServer(folder / "nats", port=settings.nats_port)
        with _step("PostgreSQL", say):
            await stack.enter_async_context(postgres)
        with _step("NATS", say):
            await stack.enter_async_context(nats)
        database = Database(postgres.sqlalchemy_url, [kept.encryption_key], pool_size=2, application="sandbox")
        stack.push_async_callback(database.close)
        with _step("tables and the demo organisation", say):
            await migrate.upgrade(database)
            async with database.begin() as session:
                await roles.grant(session, roles.role_of(postgres.application_url))
            owner = await seed(database)
        bilby = Stack(settings, database, [child for child in (postgres.child, nats.child) if child])
        addresses = Addresses(
            postgres.application_url, {user: nats.url(user) for user in ("media", "web", "provisioning")}
        )
        await stack.enter_async_context(_processes(bilby, kept, addresses, say))
        with _step("the demo organisation's number", say):
            provisioning = given(product_environment("provisioning", settings, kept, addresses))
            await settle(database, provisioning, owner)
        with _step("somebody who answers test calls", say):
            try:
                await stack.enter_async_context(_somebody(bilby))
            except TimeoutError:
                raise StartError(f"nobody answers test calls: see {folder / 'logs' / 'web.log'}") from None
        yield bilby


async def _with_ears(settings: Settings, say: Say) -> Settings:
    """Return ``settings`` with a recogniser that runs here, and say what it can do. Raise `StartError`."""
    try:
        choice = await choose(settings.speech)
    except RecogniserError as error:
        raise StartError(f"{error}: leave SANDBOX_SPEECH out, or set it to pocketsphinx") from None
    heard = settings.calls_heard or choice.calls
    say(str(replace(choice, calls=heard)))
    return settings.model_copy(update={"speech": choice.speech, "calls_heard": heard})


def _somebody(bilby: Stack) -> contextlib.AbstractAsyncContextManager[Agent]:
    """Return an agent of the demo organisation who answers while nobody else is at work there."""
    settings = bilby.settings

    async def invite() -> str:
        try:
            return await invite_stand_in(bilby.database, settings.web_url)
        except DatabaseUnavailableError as error:
            raise DeskError("no database") from error

    return agent(settings.web_url, settings.twilio_url, invite, Habits(stands_in=True))


@contextlib.asynccontextmanager
async def _processes(bilby: Stack, kept: Secrets, addresses: Addresses, say: Say) -> AsyncIterator[None]:
    """Yield the outside world and the product's processes, started at once: none needs another one to start."""
    settings, started = bilby.settings, list[Child]()
    try:
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
            for part in _parts(settings, kept, addresses):
                tasks.create_task(_start(part, settings, started, http, say))
        bilby.children += started
        yield
    finally:
        await _stop([child for child in started if child.name == _VENDORS])  # it hangs up, and tells the product so
        await _stop([child for child in started if child.name != _VENDORS])


async def _stop(children: Sequence[Child]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for child in children:
            tasks.create_task(child.stop(_STOP_SECONDS))


@dataclass(frozen=True, slots=True)
class _Part:
    """One of our processes: ``python -m module``, up when ``ready_url`` answers 200; without, when it says so."""

    name: str
    module: str
    environment: dict[str, str]
    ready_url: str | None


def _parts(settings: Settings, kept: Secrets, addresses: Addresses) -> list[_Part]:
    vendors = _Part(_VENDORS, "sandbox.vendors", settings.environment(), f"{settings.outbox_url}/")
    return [vendors, *(_product(name, settings, kept, addresses) for name in _PRODUCT)]


def _product(name: str, settings: Settings, kept: Secrets, addresses: Addresses) -> _Part:
    port = {"media": settings.media_port, "web": settings.web_port}.get(name)
    ready_url = f"http://{HOST}:{port}/readyz" if port else None
    return _Part(name, name, product_environment(name, settings, kept, addresses), ready_url)


async def _start(
    part: _Part, settings: Settings, started: list[Child], http: aiohttp.ClientSession, say: Say
) -> None:
    logs = settings.dir.absolute() / "logs"
    logs.mkdir(exist_ok=True)
    log = logs / f"{part.name.replace(' ', '-')}.log"
    log.unlink(missing_ok=True)
    with _step(part.name, say):
        child = await start(
            part.name,
            [sys.executable, "-m", part.module],
            log=log,
            env=part.environment | {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
            cwd=_ROOT,
            record=logs.parent / f"{log.stem}.pid",
        )
        started.append(child)
        probe = functools.partial(_answers, http, part.ready_url) if part.ready_url else child.says_working
        await child.ready(probe, _READY_SECONDS, _READY_PAUSE_SECONDS)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    """Return whether ``url`` answers 200 by now."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    return False


def _check_ports(settings: Settings) -> None:
    """Name every taken port, and the variable that changes it, before anything is started."""
    taken = [
        f"port {port} is taken: set {variable} to a free one"
        for variable, port in settings.ports.items()
        if not _is_free(port)
    ]
    if taken:
        raise StartError("\n".join(taken))


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((HOST, port)):  # reuses an address whose connections are only lingering
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _step(name: str, say: Say) -> Iterator[None]:
    """Tell that ``name`` is up, and how long it took."""
    began = time.monotonic()
    yield
    say(f"  {name:<36}{time.monotonic() - began:5.1f} s")
