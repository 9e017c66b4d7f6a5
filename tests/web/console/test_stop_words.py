"""Stop words for this call: who may, what is stored, who is notified, and that nothing undoes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr
from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, Call, Member
from db.queries.audit import details_of
from db.queries.calls import Calls
from sandbox.engines.nats import NatsServer
from tests.kit.machines.house import WAIT, House, freeze
from tests.kit.media.media_ends import Screen
from tests.kit.media.nats import settled
from tests.kit.vendors.twilio_caller import CALL, INBOUND, available, calling, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.phones import scripted_agent
from tests.kit.web.site import Browser, Site
from web.config import Settings

PATH = f"/console/calls/{CALL}/stop-words"


@pytest.fixture
def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    nowhere = "http://127.0.0.1:9"  # where Twilio does not answer
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web")), "twilio_api_base": nowhere})


@pytest_asyncio.fixture
async def messages(media_bus: Client) -> asyncio.Queue[tuple[str, dict[str, Any]]]:
    """Messages to media about calls whose words are stopped."""
    heard: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def note(message: Msg) -> None:
        heard.put_nowait((message.subject, json.loads(message.data)))

    await media_bus.subscribe("call.*.*.stopped", cb=note)
    await settled(media_bus)
    return heard


@pytest_asyncio.fixture
async def live(database: Database, cast: Cast) -> Call:
    """Bob's call, live."""
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        return await calls.open(
            CALL, direction="inbound", from_number="+61400", to_number=cast.number.e164, agent_id=cast.bob.id
        )


async def stopped(database: Database) -> bool:
    async with database.begin() as session:
        return (await session.scalars(select(Call.words_stopped_at).where(Call.call_sid == CALL))).one() is not None


async def entries(database: Database) -> list[AuditEntry]:
    async with database.begin() as session:
        found = await session.scalars(select(AuditEntry).where(AuditEntry.action == "call.words_stopped"))
        return list(found)


Sign = Callable[[], Browser]


@pytest.mark.parametrize("who", ["bob", "sam", "alice"])
async def test_the_agent_of_the_call_and_whoever_sees_all_may(
    who: str, live: Call, cast: Cast, browser: Sign, database: Database, messages: asyncio.Queue[Any]
) -> None:
    member: Member = getattr(cast, who)
    page = await browser().sign_in(member)
    assert (await page.post(PATH)).status == 204
    assert await stopped(database)
    subject, fact = await asyncio.wait_for(messages.get(), WAIT)
    assert (subject, fact) == (f"call.{cast.a.id}.{CALL}.stopped", {"over": False})
    (entry,) = await entries(database)
    assert (entry.actor_id, details_of(entry)) == (member.id, {"call": CALL})


async def test_who_may_not_see_the_call_may_not_stop_it(
    live: Call, cast: Cast, browser: Sign, database: Database
) -> None:
    for member in (cast.dana, cast.charlie):  # another agent, another organisation's owner
        assert (await (await browser().sign_in(member)).post(PATH)).status == 404
    assert (await browser().post(PATH)).status in (401, 303)
    assert not await stopped(database)
    assert await entries(database) == []


async def test_another_page_cannot_stop_it(live: Call, cast: Cast, browser: Sign, database: Database) -> None:
    page = await browser().sign_in(cast.sam)
    page.csrf = ""
    assert (await page.post(PATH)).status == 403
    assert not await stopped(database)


@pytest.mark.parametrize("call", ["CA1", "CA" + "z" * 32, "CA" + "9" * 32, "..%2Fx", "CA%00"])
async def test_no_such_call(call: str, cast: Cast, browser: Sign) -> None:
    page = await browser().sign_in(cast.sam)
    assert (await page.post(f"/console/calls/{call}/stop-words")).status == 404


async def test_a_call_that_is_over_has_no_words_to_stop(
    live: Call, cast: Cast, browser: Sign, database: Database
) -> None:
    async with database.begin() as session:
        await session.execute(update(Call).values(status="completed", outcome="answered"))
    page = await browser().sign_in(cast.sam)
    assert (await page.post(PATH)).status == 404
    assert not await stopped(database)


async def test_saying_it_again_tells_media_again_and_writes_nothing(
    live: Call, cast: Cast, browser: Sign, database: Database, messages: asyncio.Queue[Any]
) -> None:
    page = await browser().sign_in(cast.sam)
    assert [(await page.post(PATH)).status for _ in range(2)] == [204, 204]
    for _ in range(2):
        await asyncio.wait_for(messages.get(), WAIT)
    assert len(await entries(database)) == 1


async def test_whatever_media_says_of_it_is_answered(
    live: Call, cast: Cast, browser: Sign, database: Database, media_bus: Client, messages: asyncio.Queue[Any]
) -> None:
    """NATS was away when it was stopped; now a node is back that goes on hearing."""
    page = await browser().sign_in(cast.sam)
    assert (await page.post(PATH)).status == 204
    await asyncio.wait_for(messages.get(), WAIT)
    subject = f"call.{cast.a.id}.{CALL}"
    place = {"stream": "MZ1", "began": "1", "at": "1", "node": "n"}
    for fact, body in (("started", place), ("started", place | {"again": "true"}), ("stream", {"state": "silent"})):
        await media_bus.publish(f"{subject}.{fact}", json.dumps(body).encode())
        assert await asyncio.wait_for(messages.get(), WAIT) == (f"{subject}.stopped", {"over": False})


async def test_media_is_told_when_people_have_hung_up(
    live: Call, cast: Cast, browser: Sign, settings: Settings, media_bus: Client, messages: asyncio.Queue[Any]
) -> None:
    page = await browser().sign_in(cast.sam)
    await page.post(PATH)
    await asyncio.wait_for(messages.get(), WAIT)
    async with twilio_of(settings) as twilio:
        await twilio.post("/twilio/voice/status", {"CallSid": CALL, "CallStatus": "completed", "CallDuration": "9"})
        assert (await asyncio.wait_for(messages.get(), WAIT))[1] == {"over": True}
        # A node that missed it, and says what it has when it is back:
        await media_bus.publish(f"call.{cast.a.id}.{CALL}.ended", b'{"reason": "stopped"}')
        assert (await asyncio.wait_for(messages.get(), WAIT))[1] == {"over": True}


async def test_the_stream_that_broke_because_of_it_is_no_failure(
    live: Call, cast: Cast, browser: Sign, settings: Settings, database: Database
) -> None:
    page = await browser().sign_in(cast.sam)
    await page.post(PATH)
    async with twilio_of(settings) as twilio:
        error = {"CallSid": CALL, "StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "31921"}
        await twilio.post("/twilio/stream/status", error)
    async with database.begin() as session:
        row = (await session.scalars(select(Call).where(Call.call_sid == CALL))).one()
    assert row.transcription != "failed"


async def test_a_webhook_that_twilio_repeats_brings_no_stream(
    cast: Cast, browser: Sign, settings: Settings, database: Database
) -> None:
    await available(database, cast.bob)
    async with twilio_of(settings) as twilio:
        first = await twilio.post(INBOUND, calling(cast.number))
        assert "<Stream" in await _text(first)
        page = await browser().sign_in(cast.sam)
        assert (await page.post(PATH)).status == 204
        again = await twilio.post(INBOUND, calling(cast.number))
        assert "<Stream" not in await _text(again)
        assert "<Client" in await _text(again) or "<Conference" in await _text(again)


async def _text(answer: Any) -> str:
    text = answer.text
    return str(text if isinstance(text, str) else await text())


async def test_the_call_log_says_so(live: Call, cast: Cast, browser: Sign) -> None:
    page = await browser().sign_in(cast.sam)
    await page.post(PATH)
    table = await (await page.get("/calls.csv")).text()
    assert "stopped" in table
    assert "stopped" in (await page.page("/calls")).data("words")


# All of Bilby: an emulated Twilio, web, two media nodes in processes of their own.


SAID = " ".join(f"w{number}" for number in range(60))


async def _stopped_call(bilby: House, database: Database, cast: Cast) -> tuple[str, Screen]:
    """A call of which some words were on a screen of the second node, stopped by the supervisor."""
    screen = await bilby.screen(bilby.second)
    leg = bilby.ring(SAID)
    await screen.until(lambda: "w5" in screen.spoken(leg.sid))
    page = Browser(Site(web.Application(), bilby.settings.web_public_url), database)
    try:
        await page.sign_in_by_link(cast.sam)
        assert (await page.post(f"/console/calls/{leg.sid}/stop-words")).status == 204
    finally:
        await page.http.close()
    await screen.until(lambda: {"type": "call.stopped", "call": leg.sid} in screen.events)
    async with asyncio.timeout(WAIT):
        while any(stream.live for stream in leg.streams.values()):  # noqa: ASYNC110  (what Twilio does is no event)
            await asyncio.sleep(0.05)
    return leg.sid, screen


@asynccontextmanager
async def _another_call(bilby: House, database: Database, cast: Cast) -> AsyncIterator[str]:
    """One that is not stopped, on the first node as well."""
    web_url, twilio_url = bilby.settings.web_public_url, bilby.emulator.url
    async with scripted_agent(database, cast.dana, web_url=web_url, twilio_url=twilio_url):
        yield bilby.ring(SAID).sid


async def _nothing_brought_it_back(bilby: House, call: str, since: Sequence[dict[str, Any]]) -> None:
    """People went on talking, and no word came: not among the events ``since``, nor on a fresh screen."""
    fresh = await bilby.screen(bilby.second)
    for each in (since, fresh.events):
        assert not [event for event in each if event["type"] in ("utterance", "gap") and event["call"] == call]
    for view in fresh.events[0]["calls"]:
        if view["call"] == call:
            assert (view["state"], view["utterances"]) == ("stopped", [])


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_it_stops_at_twilio_too_and_the_call_goes_on(bilby: House, database: Database, cast: Cast) -> None:
    call, screen = await _stopped_call(bilby, database, cast)
    assert bilby.emulator.registry.count("POST", r"/Streams/[^/]+\.json$") >= 1
    before = len(screen.events)
    await asyncio.sleep(1)
    await _nothing_brought_it_back(bilby, call, screen.events[before:])
    assert bilby.starts() == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["killed", "silent", "drained"])
async def test_a_nodes_end_does_not_undo_it(fault: str, bilby: House, database: Database, cast: Cast) -> None:
    """Another call of that node goes on at the other one: its end was noticed."""
    async with _another_call(bilby, database, cast) as other:
        call, screen = await _stopped_call(bilby, database, cast)
        await _nothing_brings_it_back(fault, bilby, call, screen, other)


async def _nothing_brings_it_back(fault: str, bilby: House, call: str, screen: Screen, other: str) -> None:
    await screen.until(lambda: "w5" in screen.spoken(other))
    before = len(screen.events)
    bilby.turn()
    if fault == "killed":
        await bilby.first.crash()
    elif fault == "silent":
        freeze(bilby.first)
    else:
        bilby.first.process.terminate()
    await screen.until(lambda: bilby.starts() > 0)
    said = len(screen.spoken(other))
    await screen.until(lambda: len(screen.spoken(other)) >= said + 3)
    await _nothing_brought_it_back(bilby, call, screen.events[before:])
    assert bilby.starts() == 1, "the other call's"


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_fresh_web_process_does_not_undo_it(bilby: House, database: Database, cast: Cast) -> None:
    async with _another_call(bilby, database, cast) as other:
        call, screen = await _stopped_call(bilby, database, cast)
        await bilby.restart_web()
        await _nothing_brings_it_back("killed", bilby, call, screen, other)
