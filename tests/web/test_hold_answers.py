"""A media node that has a call is told whether it is on hold, which it may have missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from db.engine import Database
from db.queries.calls import Calls
from sandbox.engines.nats import NatsServer
from tests.kit.machines.house import WAIT
from tests.kit.media.nats import settled
from tests.kit.vendors.twilio_caller import CALL
from tests.kit.web.cast import Cast
from web.config import Settings

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
_PLACE = {"stream": "MZ1", "began": "1", "at": "1", "node": "n"}


@pytest.fixture
def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web"))})


@pytest.mark.parametrize("again", [{}, {"again": "true"}])
async def test_every_stream_is_answered_with_what_is_known_of_a_hold(
    again: dict[str, str], cast: Cast, database: Database, media_bus: Client
) -> None:
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        for sid in (CALL, "CA-never-held"):
            await calls.open(sid, direction="inbound", from_number="+61400000001", to_number=cast.number.e164)
        await calls.set_hold(CALL, on_hold=True, at=AT)
    holds, ends = [await media_bus.subscribe(f"call.{cast.a.id}.*.{fact}") for fact in ("held", "resumed")]
    await settled(media_bus)
    for sid in ("CA-never-held", CALL):
        await _started(media_bus, cast, sid, again)
    answer = await holds.next_msg(WAIT)
    assert (answer.subject.split(".")[2:], json.loads(answer.data)) == ([CALL, "held"], {"at": _ms(AT)})
    async with database.begin() as session:
        later = AT + timedelta(seconds=9)
        await Calls(session, cast.a.id).set_hold(CALL, on_hold=False, at=later)
    await _started(media_bus, cast, CALL, again)
    answer = await ends.next_msg(WAIT)
    assert (answer.subject.split(".")[2:], json.loads(answer.data)) == ([CALL, "resumed"], {"at": _ms(later)})


async def _started(media_bus: Client, cast: Cast, call: str, again: dict[str, str]) -> None:
    await media_bus.publish(f"call.{cast.a.id}.{call}.started", json.dumps(_PLACE | again).encode())


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
