"""The page of phrase rules: who may, what is kept, what is sent to media, what is refused, and what nobody stores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr
from sqlalchemy import text

from db.engine import Database
from db.queries.calls import Calls
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.phrases import PhraseRule
from sandbox.engines.nats import NatsServer
from tests.kit.machines.house import WAIT
from tests.kit.media.nats import settled
from tests.kit.vendors.twilio_caller import CALL
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.config import Settings

Sign = Callable[[], Browser]
TYPED = {
    "name": "Leaving",
    "phrases": "want to cancel\ncancel* my account\n\n",
    "exceptions": "",
    "speaker": "caller",
    "priority": "1",
    "cooldown_s": "60",
    "most": "",
    "card": "Offer three months.",
    "on": "yes",
}


@pytest.fixture
def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web"))})


@pytest_asyncio.fixture
async def sent(media_bus: Client) -> asyncio.Queue[dict[str, Any]]:
    """The parts of rules that media is sent."""
    parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def note(message: Msg) -> None:
        parts.put_nowait(json.loads(message.data))

    await media_bus.subscribe("phrases.*.rules", cb=note)
    await settled(media_bus)
    return parts


async def _kept(database: Database, cast: Cast) -> list[tuple[PhraseRule, bool, int]]:
    async with database.begin() as session:
        return [(each.rule, each.is_on, each.hits) for each in await PhraseRuleRows(session, cast.a.id).all()]


async def test_a_rule_is_kept_sent_changed_and_removed(
    cast: Cast, browser: Sign, database: Database, sent: asyncio.Queue[dict[str, Any]]
) -> None:
    page = await browser().sign_in(cast.alice)
    assert (await page.post("/phrases/save", data=TYPED)).status == 303
    [(rule, is_on, _)] = await _kept(database, cast)
    assert (rule.name, rule.phrases, rule.cooldown_s, rule.most, is_on) == (
        "Leaving",
        ("want to cancel", "cancel* my account"),
        60,
        0,
        True,
    )
    part = await asyncio.wait_for(sent.get(), WAIT)
    assert (part["of"], part["rule"]["id"], part["rule"]["phrases"]) == (1, rule.id, list(rule.phrases))
    draft = {**TYPED, "id": rule.id, "on": "", "name": "Wants to leave"}
    assert (await page.post("/phrases/save", data=draft)).status == 303
    [(rule, is_on, _)] = await _kept(database, cast)
    assert (rule.name, is_on) == ("Wants to leave", False)
    assert (await asyncio.wait_for(sent.get(), WAIT))["of"] == 0, "a draft is not sent"
    assert (await page.post(f"/phrases/{rule.id}/remove")).status == 303
    assert await _kept(database, cast) == []
    assert (await page.post(f"/phrases/{rule.id}/remove")).status == 404
    assert (await page.post("/phrases/save", data=draft)).status == 404


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", " "),
        ("name", "x" * 61),
        ("phrases", "\n"),
        ("phrases", "ca* it"),
        ("phrases", "?!"),
        ("phrases", "x" * 101),
        ("phrases", "\n".join(f"phrase {n}" for n in range(201))),
        ("exceptions", "*"),
        ("speaker", "dog"),
        ("priority", "9"),
        ("cooldown_s", "-1"),
        ("cooldown_s", "ten"),
        ("most", "101"),
        ("card", "x" * 501),
    ],
)
async def test_what_is_typed_wrong_is_said_and_stays_typed(
    field: str, typed: str, cast: Cast, browser: Sign, database: Database
) -> None:
    page = await browser().sign_in(cast.alice)
    answer = await page.post("/phrases/save", data=TYPED | {field: typed})
    assert answer.status == 400
    shown = await answer.text()
    assert f'id="{field}"' in shown.split("aria-invalid")[0].rpartition("<")[2]
    assert "Offer three months." in shown or field == "card"
    assert await _kept(database, cast) == []


async def test_a_sentence_is_tried_on_drafts_too_and_stored_nowhere(
    cast: Cast, browser: Sign, database: Database
) -> None:
    page = await browser().sign_in(cast.alice)
    await page.post("/phrases/save", data=TYPED | {"on": ""})
    for speaker, fires in (("caller", True), ("agent", False)):
        said = {"sentence": "I am cancelling my account velvetwombat", "speaker": speaker}
        answer = await page.post("/phrases/try", data=said)
        assert answer.status == 200
        assert ("data-fired" in await answer.text()) is fires
    async with database.begin() as session:
        tables = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for table in tables.all():
            rows = await session.scalars(text(f'SELECT t::text FROM "{table}" t'))
            assert not any("velvetwombat" in row for row in rows)


async def test_only_admins_and_owners_keep_rules_and_of_their_own_organisation(
    cast: Cast, browser: Sign, database: Database
) -> None:
    owner = await browser().sign_in(cast.alice)
    await owner.post("/phrases/save", data=TYPED)
    [(rule, _, _)] = await _kept(database, cast)
    for member in (cast.sam, cast.bob):
        other = await browser().sign_in(member)
        assert (await other.get("/phrases")).status == 403
        assert (await other.post("/phrases/save", data=TYPED)).status == 403
    stranger = await browser().sign_in(cast.charlie)
    assert "Leaving" not in await (await stranger.get("/phrases")).text()
    assert (await stranger.get(f"/phrases?rule={rule.id}")).status == 404
    assert (await stranger.post(f"/phrases/{rule.id}/remove")).status == 404
    assert (await stranger.post("/phrases/save", data=TYPED | {"id": rule.id})).status == 404
    assert len(await _kept(database, cast)) == 1


async def test_media_is_answered_and_what_fires_is_kept_once_without_words(
    cast: Cast, database: Database, media_bus: Client, sent: asyncio.Queue[dict[str, Any]]
) -> None:
    async with database.begin() as session:
        rule = await PhraseRuleRows(session, cast.a.id).save(PhraseRule("", "Leaving", ("cancel",)), is_on=True)
        await Calls(session, cast.a.id).open(
            CALL, direction="inbound", from_number="+61400000001", to_number=cast.number.e164
        )
    await media_bus.publish(f"phrases.{cast.a.id}.wanted", b"{}")
    assert (await asyncio.wait_for(sent.get(), WAIT))["rule"]["id"] == rule.id
    hit = {"rule": rule.id, "speaker": "caller", "at": 1_700_000_000_000}
    reports = [hit, hit, hit | {"at": 1_700_000_009_000}, hit | {"rule": "nonsense"}, hit | {"speaker": "dog"}]
    for report in reports:
        await media_bus.publish(f"call.{cast.a.id}.{CALL}.phrase", json.dumps(report).encode())
    await media_bus.publish(f"call.{cast.b.id}.{CALL}.phrase", json.dumps(hit).encode())
    await media_bus.publish(f"call.{cast.a.id}.{CALL}.phrase", json.dumps(hit | {"at": 1_700_000_099_000}).encode())
    async with asyncio.timeout(WAIT):
        while (await _kept(database, cast))[0][2] < 3:  # noqa: ASYNC110  (it comes over a socket)
            await asyncio.sleep(0.05)
    assert [hits for _, _, hits in await _kept(database, cast)] == [3]
