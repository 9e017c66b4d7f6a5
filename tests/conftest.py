"""What every test may ask for: a database of its own on a real Postgres, and a cast of people to put in it.

Alice owns organisation A, Sam supervises, Bob and Dana are its agents. Charlie owns organisation B and must see
nothing of A's.
"""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below and those of tests

import asyncio
import functools
import inspect
import itertools
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from aiohttp import web
from cryptography.fernet import Fernet
from hypothesis import settings as hypothesis_settings
from playwright.async_api import Browser as Window, expect

from db import migrate, roles
from db.engine import Database
from sandbox.engines.nats import NatsServer
from sandbox.engines.postgres import APPLICATION, EmbeddedPostgres
from sandbox.mail import Mailbox, post_office
from tests.kit.browser.chromium import chromium_process, connected, executable, shell
from tests.kit.databases import TEMPLATE, Databases, execute, url_of
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.web.cast import Cast, Casts
from tests.kit.web.paid_site import Shop, open_shop
from tests.kit.web.postman import postman_at_work
from tests.kit.web.site import Browser, Site, serving
from web.config import Settings

# Machines are shared: no verdict by the clock. The same examples each time, so that what fails is what has changed;
# `make fuzz` looks for new ones.
hypothesis_settings.register_profile("same", deadline=None, derandomize=True)
hypothesis_settings.register_profile("new", deadline=None, print_blob=True)
hypothesis_settings.load_profile("same")

_LANE = 600
_LANES = 20  # two test runs on one machine need lanes of their own: `--port-lane`
_KEY = Fernet.generate_key().decode()


def pytest_configure() -> None:
    """Run tests in the loop that web, media and provisioning run in.

    In asyncio's own, Playwright waits with each message until nothing else is to do, up to a hundred turns: beside
    calls in real time it would fall minutes behind.
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@pytest_asyncio.fixture(scope="session")
async def loop() -> asyncio.AbstractEventLoop:
    """The event loop of all tests of this process, so that they can share a connection to Chromium."""
    return asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def ends_with_its_test(loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever tasks a test leaves in the shared loop end with it."""
    if "one_chromium" in request.fixturenames:
        request.getfixturevalue("one_chromium")  # whose tasks are not the test's
    before = asyncio.all_tasks(loop)
    yield
    if left := asyncio.all_tasks(loop) - before:
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=30))


@pytest_asyncio.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """One server for the whole run, with an up-to-date template database in it."""
    async with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # the rows need not outlive the run
            await execute(server, f"ALTER SYSTEM SET {setting} = off")
        await execute(server, "SELECT pg_reload_conf()")
        await execute(server, f"CREATE DATABASE {TEMPLATE}")
        database = Database(url_of(server, TEMPLATE), [_KEY])
        await migrate.upgrade(database)
        async with database.begin() as session:
            await roles.grant(session, roles.role_of(server.application_url))
        await database.close()
        yield server


@pytest.fixture
def encryption_key() -> str:
    """The one in ``ENCRYPTION_KEYS`` of this run."""
    return _KEY


@pytest_asyncio.fixture(scope="session")
async def databases(postgres: EmbeddedPostgres) -> AsyncIterator[Databases]:
    """Databases on the server of the run."""
    opened = Databases(postgres)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def owner_url(databases: Databases) -> AsyncIterator[str]:
    """A migrated, empty database of the test's own, as the owner of its tables."""
    async with databases.lend() as url:
        yield url


@pytest.fixture
def database_url(owner_url: str) -> str:
    """The same as web and provisioning sign in, who may not touch tables nor what was audited."""
    return owner_url.replace("//postgres@", f"//{APPLICATION}@")


@pytest_asyncio.fixture
async def owners_database(owner_url: str, encryption_key: str) -> AsyncIterator[Database]:
    """The test's own database, open to the owner of its tables."""
    opened = Database(owner_url, [encryption_key])
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def database(database_url: str, encryption_key: str) -> AsyncIterator[Database]:
    """The test's own database, open."""
    opened = Database(database_url, [encryption_key])
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session")
async def casts(databases: Databases) -> Casts:
    """A cast for each test's database, made in one of its own: a test's may have others in it by then."""
    async with databases.lend() as url:
        database = Database(url, [_KEY])
        try:
            return await Casts.made_in(database)
        finally:
            await database.close()


@pytest_asyncio.fixture
async def cast(casts: Casts, database: Database) -> Cast:
    """Everybody, in the test's own database."""
    return await casts.enter(database)


@pytest_asyncio.fixture
async def outbox(free_port: Callable[[], int]) -> AsyncIterator[tuple[Mailbox, int]]:
    """A post office that keeps every mail, and its SMTP port."""
    port = free_port()
    async with post_office(smtp_port=port, page_port=free_port()) as kept:
        yield kept, port


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let several runs of the tests share a machine."""
    parser.addoption("--port-lane", type=int, default=0, help="first lane of ports of this run, one for each process")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run a failing test once more if it is marked so; each mark says why, and the run's last lines name it.

    Of several processes each has long tests first, so that none is left with one at the end.
    """
    if (worker := getattr(config, "workerinput", None)) is not None:  # a process of several
        items[:] = _shared_out(items, worker["workercount"])
    for item in items:
        _bound(item)
        if (mark := item.get_closest_marker("may_run_again")) is not None:
            assert mark.kwargs.get("reason"), f"{item.nodeid}: why may it be run again?"
            item.add_marker(pytest.mark.flaky(reruns=1))


def _bound(item: pytest.Item) -> None:
    """Cancel a test in the loop once its time is up.

    pytest-timeout raises its error in whatever the loop runs at that moment: if that is another task, it alone ends,
    and the test would go on for ever.
    """
    if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.obj):
        return
    mark, test = item.get_closest_marker("timeout"), item.obj
    seconds = float(mark.args[0] if mark is not None else item.config.getini("timeout"))

    @functools.wraps(test)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    item.obj = bounded


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what is imported by now: to look through it takes as long as a test."""
    garbage.tune()


def _shared_out(items: list[pytest.Item], shares: int) -> list[pytest.Item]:
    """``items`` in so many equal shares, one behind the other, as xdist hands them out.

    The first begins with those that hear sound: two at once would each be late, and hear gaps. The next, up to half
    of all, begin with slow ones, which mostly wait: the others compute meanwhile. Those that drive a browser lie
    evenly among the rest.
    """
    kinds: dict[str, list[pytest.Item]] = {"sound": [], "slow": [], "browser": [], "": []}
    for item in items:
        kinds[next((kind for kind in kinds if kind and item.get_closest_marker(kind)), "")].append(item)
    placed = [(0.0, item) for item in kinds.pop("sound")]
    waiting = range(1, (shares + 1) // 2) or range(1)
    placed += [(waiting[at % len(waiting)] / shares, item) for at, item in enumerate(kinds.pop("slow"))]
    placed += [((at + 0.5) / len(kind), item) for kind in kinds.values() for at, item in enumerate(kind)]
    return [item for _, item in sorted(placed, key=lambda each: each[0])]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let tests that work by the clock have the processor first, in other processes, once this one has none left."""
    by_the_clock = any(item.get_closest_marker(name) for name in ("slow", "sound"))
    if hasattr(item.config, "workerinput") and not by_the_clock:
        _stand_back()


@functools.cache
def _stand_back() -> None:
    """Take the processor after others, with whatever is started from now on. Once: niceness adds up."""
    os.nice(5)


@pytest.fixture(scope="session")
def lane_of_ports(worker_id: str, request: pytest.FixtureRequest) -> Iterator[int]:
    """Ports below those that the system lends to connections, a lane of them for each process that runs tests."""
    worker = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    lane, start = request.config.getoption("--port-lane") + worker, secrets.randbelow(_LANE)
    return (20_000 + lane % _LANES * _LANE + (start + number) % _LANE for number in itertools.count())


@pytest.fixture
def free_port(lane_of_ports: Iterator[int]) -> Callable[[], int]:
    """A TCP port that nobody listens on, and that nobody else is given for a long while."""

    def find() -> int:
        for port in lane_of_ports:
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port
        raise AssertionError("ports never end")

    return find


@pytest_asyncio.fixture(scope="session")
async def one_shell(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Window]:
    """One headless shell for the whole run: to start one, or Playwright, takes as long as a test does in it."""
    folder = tmp_path_factory.mktemp("shell")
    async with chromium_process(folder, shell()) as address, connected(address) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session")
async def whole_chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Window]:
    """Likewise a whole Chromium."""
    folder = tmp_path_factory.mktemp("chromium")
    async with chromium_process(folder, executable()) as address, connected(address) as browser:
        yield browser


@pytest.fixture
def one_chromium(request: pytest.FixtureRequest) -> Window:
    """The headless shell, or a whole Chromium: where no shell is, and for a test that is marked so."""
    mark = request.node.get_closest_marker("browser")
    is_whole = shell() is None or (mark is not None and mark.kwargs.get("whole", False))
    browser: Window = request.getfixturevalue("whole_chromium" if is_whole else "one_shell")
    return browser


@pytest_asyncio.fixture
async def window(one_chromium: Window) -> AsyncIterator[Window]:
    """Chromium. Contexts share nothing, and those that a test opens are closed after it."""
    expect.set_options(timeout=30_000)  # on a busy machine, for what takes less than one second
    yield one_chromium
    for context in one_chromium.contexts[1:]:  # the first is the browser's own
        await context.close()


@pytest.fixture
def settings(
    database_url: str, encryption_key: str, outbox: tuple[Mailbox, int], free_port: Callable[[], int]
) -> Settings:
    """Settings of a web process on this test's database. Nobody listens at its NATS address."""
    port = free_port()
    values = {
        "database_url": database_url,
        "encryption_keys": encryption_key,
        "nats_url": f"nats://web:web@127.0.0.1:{free_port()}",
        "web_host": "127.0.0.1",
        "web_port": port,
        "web_drain_seconds": 0,
        "web_public_url": f"http://127.0.0.1:{port}",
        "media_public_url": "ws://127.0.0.1:8081",
        "session_secret": "s" * 32,
        "stream_shared_secret": "t" * 32,
        "smtp_url": f"smtp://127.0.0.1:{outbox[1]}",
        "mail_from": "Bilby <bilby@bilby.example>",
        "twilio_account_sid": f"AC{'0' * 32}",
        "twilio_auth_tokens": "a" * 32,
        "twilio_api_key_sid": f"SK{'0' * 32}",
        "twilio_api_key_secret": "k" * 32,
        "twilio_twiml_app_sid": f"AP{'0' * 32}",
        "operator_emails": "alice@acacia.example",
    }
    return Settings.model_validate(values)


@pytest.fixture
def more_routes() -> list[web.RouteDef]:
    """Routes that `site` has beside its own: none. A module that wants some has a fixture of this name."""
    return []


@pytest_asyncio.fixture
async def site(settings: Settings, more_routes: list[web.RouteDef]) -> AsyncIterator[Site]:
    """The web application, listening."""
    async with serving(settings, more_routes) as running:
        yield running


@pytest_asyncio.fixture
async def postman(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Provisioning's worker, which sends the mails that web asks for."""
    async with postman_at_work(settings, database):
        yield


@pytest_asyncio.fixture
async def browser(site: Site, database: Database) -> AsyncIterator[Callable[[], Browser]]:
    """Browsers, as many as are asked for, each with cookies of its own."""
    async with AsyncExitStack() as stack:

        def opened() -> Browser:
            fresh = Browser(site, database)
            stack.push_async_callback(fresh.http.close)
            return fresh

        yield opened


@pytest_asyncio.fixture
async def shop(settings: Settings, database: Database) -> AsyncIterator[Shop]:
    """A web application of its own (not `site`'s) that takes payments, and the emulated Stripe beside it."""
    async with open_shop(settings, database) as opened:
        yield opened


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    """A media node with a real NATS and the emulated Transcribe."""
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port()) as node,
    ):
        await node.connected()
        yield node
