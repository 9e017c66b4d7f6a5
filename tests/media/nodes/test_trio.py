"""Three nodes: a call moves between them, by handover or by death, and every missing word is covered by a gap."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings, strategies as st

from media.nodes.last_heard import IN_FLIGHT_DELAYS, IN_FLIGHT_SECONDS
from media.nodes.mirrors import keeper_of
from sandbox.engines.nats import NatsServer
from tests.kit.media.light_node import TAKEOVER_SECONDS, LightNode, Page, Speech, unaccounted

NODES = range(3)


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


class Trio:
    """Three nodes that know each other; one that crashes is replaced by a new one."""

    def __init__(self, url: str, tasks: asyncio.TaskGroup) -> None:
        self._url, self._tasks = url, tasks
        self.nodes = [self._new() for _ in NODES]

    def _new(self) -> LightNode:
        return LightNode(self._url, secrets.token_hex(4), self._tasks)

    async def agree(self) -> None:
        """Wait until each hears the two others."""
        async with asyncio.timeout(60):
            for node in self.nodes:
                await node.connection.confirmed_once.wait()
        await until(
            lambda: all(self._others(node) <= set(node.admission.membership.alive(_now())) for node in self.nodes)
        )

    def _others(self, node: LightNode) -> set[str]:
        return {other.name for other in self.nodes if other is not node}

    async def crash(self, at: int) -> None:
        await self.nodes[at].crash()
        self.nodes[at] = self._new()
        async with asyncio.timeout(60):
            await self.nodes[at].connection.confirmed_once.wait()

    async def end(self) -> None:
        for node in self.nodes:
            await node.end()


@asynccontextmanager
async def trio_on(bus: NatsServer) -> AsyncIterator[Trio]:
    async with asyncio.TaskGroup() as tasks:
        trio = Trio(bus.url("media"), tasks)
        try:
            await trio.agree()
            yield trio
        finally:
            await trio.end()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):  # a minute
        if condition():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


def kept_by(trio: Trio, stream: int, keeper: int) -> Speech:
    """A call at ``stream`` that will be kept by ``keeper``."""
    others = [node.name for number, node in enumerate(trio.nodes) if number != stream]
    while True:
        sid = "CA" + secrets.token_hex(16)
        if keeper_of(sid, others) == trio.nodes[keeper].name:
            return Speech(sid)


def words(page: Page, speech: Speech) -> set[str]:
    return {one["text"] for one in page.calls.get(speech.sid, {"utterances": {}})["utterances"].values()}


CASES = [
    (stream, keeper, watching, target)
    for stream, keeper, watching, target in itertools.product(NODES, NODES, NODES, NODES)
    if keeper != stream and target != stream
]


async def test_the_further_words_fall_behind_the_more_of_them_may_be_on_their_way_when_a_node_dies(
    bus: NatsServer,
) -> None:
    async with trio_on(bus) as trio:
        for delay_ms, seconds in ((100, IN_FLIGHT_SECONDS), (5000, 5 * IN_FLIGHT_DELAYS)):
            speech = kept_by(trio, 0, 1)
            speech.began_ms -= 60_000
            page = await trio.nodes[2].open_page()
            trio.nodes[0].begin(speech, continues=False)
            trio.nodes[0].hear(speech, "late", final=False, delay_ms=delay_ms)
            await until(lambda page=page, speech=speech: words(page, speech) == {"late"})  # type: ignore[misc]
            heard_until = trio.nodes[2].replication.last_heard.until(speech.sid)
            assert seconds - 0.5 <= time.time() - heard_until <= seconds + 2


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.slow
async def test_every_assignment_of_stream_console_and_keeper(bus: NatsServer, dies: bool) -> None:
    """Stream at one node, kept by another, watched at any, moved to any other: by handover and by death."""
    async with trio_on(bus) as trio:
        for stream, keeper, watching, target in CASES:
            if dies and watching == stream:
                continue  # its page goes down as well: the next test
            speech = kept_by(trio, stream, keeper)
            page = await trio.nodes[watching].open_page()
            trio.nodes[stream].begin(speech, continues=False)
            trio.nodes[stream].hear(speech, "before")
            await until(lambda page=page, speech=speech: words(page, speech) == {"before"})  # type: ignore[misc]
            await until(lambda: trio.nodes[keeper].hub.find_call(speech.sid) is not None)  # noqa: B023
            if dies:
                await trio.crash(stream)
            trio.nodes[target].begin(speech, continues=True)
            trio.nodes[target].hear(speech, "after")
            await until(lambda page=page, speech=speech: words(page, speech) == {"before", "after"})  # type: ignore[misc]
            await asyncio.sleep(TAKEOVER_SECONDS + 0.1)
            assert page.types.count("snapshot") == 1
            assert page.types.count("call.started") == 1
            assert unaccounted(speech, page) == []
            for node in trio.nodes:
                late = await node.open_page()
                assert words(late, speech) == {"before", "after"}, (stream, keeper, watching, target)
            trio.nodes[target].hang_up(speech)
            await until(lambda: all(node.hub.find_call(speech.sid) is None for node in trio.nodes))  # noqa: B023
            for node in trio.nodes:
                await node.close_pages()
            if dies:
                await trio.agree()


@pytest.mark.parametrize("keeper", [1, 2])
async def test_a_new_node_that_continues_a_call_learns_who_watches(bus: NatsServer, keeper: int) -> None:
    """It was not there when the consoles opened, and a watch is renewed only every half minute."""
    async with trio_on(bus) as trio:
        speech = kept_by(trio, 0, keeper)
        pages = [await trio.nodes[number].open_page() for number in (1, 2)]
        trio.nodes[0].begin(speech, continues=False)
        trio.nodes[0].hear(speech, "before")
        await until(lambda: all(words(page, speech) == {"before"} for page in pages))
        await until(lambda: _kept(trio.nodes[keeper], speech) == {"before"})
        await trio.crash(0)
        trio.nodes[0].begin(speech, continues=True)
        trio.nodes[0].hear(speech, "at once")
        await asyncio.sleep(TAKEOVER_SECONDS + 0.2)
        trio.nodes[0].hear(speech, "after")
        await until(lambda: all(words(page, speech) >= {"at once", "after"} for page in pages))
        assert [unaccounted(speech, page) for page in pages] == [[], []]


async def test_a_node_that_lost_its_connection_alone_sends_what_was_lost(bus: NatsServer) -> None:
    """Those that watch were connected all the time, and noticed nothing."""
    async with trio_on(bus) as trio:
        owner, watching = trio.nodes[0], trio.nodes[2]
        speech = kept_by(trio, 0, keeper=1)
        page = await watching.open_page()
        owner.begin(speech, continues=False)
        owner.hear(speech, "before")
        await until(lambda: words(page, speech) == {"before"})
        assert owner.connection.client is not None
        await owner.connection.client.close()
        owner.hear(speech, "meanwhile")
        owner.connection.discard_queue()  # it was full
        owner.hear(speech, "after")
        await until(lambda: words(page, speech) == {"before", "meanwhile", "after"})


@pytest.mark.parametrize("console", [1, 2])
async def test_a_page_whose_node_died_finds_its_words_in_the_first_snapshot(bus: NatsServer, console: int) -> None:
    """Before any node goes on with the call, whether the page returns to the keeper or to the third node."""
    async with trio_on(bus) as trio:
        speech = kept_by(trio, 0, keeper=1)
        page = await trio.nodes[0].open_page()
        trio.nodes[0].begin(speech, continues=False)
        trio.nodes[0].hear(speech, "said")
        trio.nodes[0].hear(speech, "and heard", final=False)
        await until(lambda: words(page, speech) == {"said", "and heard"})
        await until(lambda: len(_kept(trio.nodes[1], speech)) == 2)
        await trio.nodes[0].crash()
        again = await trio.nodes[console].open_page()
        assert words(again, speech) == {"said", "and heard"}
        assert again.types == ["snapshot"]


def _kept(node: LightNode, speech: Speech) -> set[str]:
    live = node.hub.find_call(speech.sid)
    return set() if live is None else {one.text for one in live.utterances.values()}


async def test_a_keeper_that_knows_only_the_node_that_asks_says_nothing_of_the_time_before(bus: NatsServer) -> None:
    """As after a restart of everything: a node takes a call over, and nobody knows who had it."""
    async with trio_on(bus) as trio:
        speech = kept_by(trio, 0, keeper=1)
        speech.began_ms -= 60_000
        trio.nodes[0].begin(speech, continues=False)
        await until(lambda: speech.sid in trio.nodes[1].replication.mirrors.kept)
        page = await trio.nodes[2].open_page()
        trio.nodes[0].begin(speech, continues=True)
        await until(lambda: bool(page.calls[speech.sid]["gaps"]))
        (gap,) = page.calls[speech.sid]["gaps"]
        assert gap["from_ms"] == 0


@pytest.mark.parametrize("is_known", [True, False])
async def test_events_of_the_node_that_asks_are_no_signs_of_life_of_the_one_before(
    bus: NatsServer, is_known: bool
) -> None:
    """On a busy machine they are handled long before its question."""
    async with trio_on(bus) as trio:
        speech = kept_by(trio, 0, keeper=1)
        speech.began_ms -= 60_000
        if is_known:
            trio.nodes[0].begin(speech, continues=False)
            await until(lambda: speech.sid in trio.nodes[1].replication.mirrors.kept)
        watching = await trio.nodes[1].open_page()
        died_at = time.time()
        await trio.nodes[0].crash()
        await asyncio.sleep(0.5)
        target = trio.nodes[2]
        target.begin(speech, continues=False)
        for _ in range(8):
            await asyncio.sleep(IN_FLIGHT_SECONDS / 7)
            target.hear(speech, "after")
        await until(lambda: words(watching, speech) == {"after"})
        asked_at = time.time()
        target.replication.requests.send(speech.sid)
        if is_known:
            await until(lambda: target.replication.last_heard.until(speech.sid) > 0)
        else:
            await asyncio.sleep(0.5)
        assert target.replication.last_heard.until(speech.sid) <= (
            died_at + 0.5 - IN_FLIGHT_SECONDS if is_known else 0
        )
        assert asked_at - died_at > IN_FLIGHT_SECONDS


async def test_a_call_that_is_over_does_not_come_back(bus: NatsServer) -> None:
    async with trio_on(bus) as trio:
        speech = kept_by(trio, 0, keeper=1)
        trio.nodes[0].begin(speech, continues=False)
        trio.nodes[0].hear(speech, "said")
        await until(lambda: _kept(trio.nodes[1], speech) == {"said"})
        trio.nodes[0].hang_up(speech)
        await until(lambda: trio.nodes[1].hub.find_call(speech.sid) is None)
        for node in trio.nodes:
            assert (await node.open_page()).calls == {}


@pytest.mark.parametrize("who", ["owner", "keeper"])
async def test_what_nats_lost_reaches_the_keeper_once_it_is_back(bus: NatsServer, who: str) -> None:
    async with trio_on(bus) as trio:
        owner, keeper = trio.nodes[0], trio.nodes[1]
        speech = kept_by(trio, 0, keeper=1)
        owner.begin(speech, continues=False)
        owner.hear(speech, "before")
        await until(lambda: _kept(keeper, speech) == {"before"})
        owner.hear(speech, "meanwhile")
        owner.connection.discard_queue()  # lost on its way
        owner.hear(speech, "after")
        await until(lambda: _kept(keeper, speech) == {"before", "after"})
        {"owner": owner, "keeper": keeper}[who].replication.restored()
        owner.replication.keep_mirrored()
        await until(lambda: _kept(keeper, speech) == {"before", "meanwhile", "after"})


Step = tuple[str, int]
_steps = st.lists(
    st.tuples(st.sampled_from(["say", "say", "murmur", "move", "crash", "open", "close"]), st.sampled_from(NODES)),
    min_size=3,
    max_size=10,
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@given(steps=_steps)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moves_and_deaths_in_any_order(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    asyncio.run(_play(tmp_path_factory.mktemp("trio"), steps))


async def _play(folder: Path, steps: list[Step]) -> None:
    async with NatsServer(folder) as bus, trio_on(bus) as trio:
        speech, owner = Speech("CA" + secrets.token_hex(16)), 0
        trio.nodes[owner].begin(speech, continues=False)
        for number, (what, where) in enumerate(steps):
            match what:
                case "say" | "murmur":
                    trio.nodes[owner].hear(speech, f"w{number}", final=what == "say")
                case "move" if where != owner:
                    owner = where
                    trio.nodes[owner].begin(speech, continues=True)
                    await asyncio.sleep(TAKEOVER_SECONDS + 0.2)
                case "crash":
                    await trio.crash(owner)
                    owner = where
                    trio.nodes[owner].begin(speech, continues=True)
                    await asyncio.sleep(TAKEOVER_SECONDS + 0.2)
                case "open":
                    await trio.nodes[where].open_page()
                case "close":
                    await trio.nodes[where].close_pages()
            await asyncio.sleep(0.1)
        await trio.agree()
        await asyncio.sleep(TAKEOVER_SECONDS)
        for node in trio.nodes:
            for page in (*node.pages, await node.open_page()):
                assert unaccounted(speech, page) == [], (steps, page.calls)
