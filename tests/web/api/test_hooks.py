"""REST hooks: a program subscribes itself, is told what happens, signed, and unsubscribes; by its scopes alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import AuditEntry, WebhookEndpoint
from db.queries.integrations.api_keys import Scope
from db.queries.integrations.webhooks import MOST, Webhooks
from db.queries.numbers import Numbers
from provisioning.webhooks.dispatch import dispatched
from tests.kit.integrations.program import Program, issue, program
from tests.kit.integrations.receiver import receiver
from tests.kit.web.cast import Cast
from tests.kit.web.phones import waiting_call
from tests.kit.web.site import Site

ELSEWHERE = {"url": "https://hooks.example.com.au/secret-path", "events": ["call.ended"]}


async def _stored(database: Database) -> list[WebhookEndpoint]:
    async with database.begin() as session:
        return list((await session.scalars(select(WebhookEndpoint))).all())


async def _rename(database: Database, cast: Cast, label: str) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, label)


async def test_a_program_subscribes_is_told_and_unsubscribes(
    crm: Program, database: Database, cast: Cast, site: Site, free_port: Callable[[], int]
) -> None:
    async with receiver(free_port) as told, dispatched(database, site.url):
        added = await crm.ask("POST", "/hooks", json={"url": told.url, "events": ["number.changed"]})
        assert added.status == 201
        told.secrets.append(added.body["secret"])
        await _rename(database, cast, "Bookings")
        [event] = await told.until(1)
        assert (event["type"], event["data"]["number"]["label"]) == ("number.changed", "Bookings")
        samples = (await crm.get("/samples", event="number.changed")).body["data"]
        assert [each["data"] for each in samples] == [event["data"]]
        assert (await crm.ask("DELETE", f"/hooks/{added.body['id']}")).status == 204
        await _rename(database, cast, "Reception")
        other = await crm.ask("POST", "/hooks", json={"url": told.url, "events": ["number.changed"]})
        told.secrets[:] = [other.body["secret"]]
        await _rename(database, cast, "Orders")
        got = await told.until(2)
    assert [each["data"]["number"]["label"] for each in got] == ["Bookings", "Orders"]
    async with database.begin() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.at))).all()
    assert [each.action for each in entries] == ["webhook.added", "webhook.removed", "webhook.added"]
    assert {each.actor for each in entries} == {"API key CRM"}


async def test_one_that_answers_gone_is_switched_off(
    crm: Program, database: Database, cast: Cast, site: Site, free_port: Callable[[], int]
) -> None:
    async with receiver(free_port) as told, dispatched(database, site.url):
        told.statuses.append(410)
        await crm.ask("POST", "/hooks", json={"url": told.url, "events": ["number.changed"]})
        await _rename(database, cast, "Bookings")
        await told.until(1)
        async with asyncio.timeout(60):
            while True:
                [hook] = (await crm.get("/hooks")).body["data"]
                if not hook["is_on"]:
                    break
                await asyncio.sleep(0.05)


async def test_its_address_is_shown_to_nobody_and_its_secret_once(crm: Program) -> None:
    added = await crm.ask("POST", "/hooks", json=ELSEWHERE)
    listed = await crm.get("/hooks")
    secret = added.body.pop("secret")
    assert secret.startswith("whsec_")
    assert listed.body["data"] == [added.body]
    assert added.body["host"] == "hooks.example.com.au"
    assert "secret-path" not in str(listed.body)


async def test_a_subscription_sent_twice_is_one(crm: Program, database: Database) -> None:
    twice = [await crm.ask("POST", "/hooks", json=ELSEWHERE, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert twice[0].body == twice[1].body
    assert len(await _stored(database)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"url": ""},
        {"url": "http://hooks.example.com.au"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://hooks.example.com.au:8443"},
        {"url": "https://user:word@hooks.example.com.au"},
        {"url": "x" * 501},
        {"events": []},
        {"events": ["call.words"]},
        {"events": ["webhook.test"]},
        {"events": "call.ended"},
        {"secret": "mine"},
    ],
)
async def test_what_cannot_be_subscribed_is_refused(
    crm: Program, database: Database, changes: dict[str, Any]
) -> None:
    got = await crm.ask("POST", "/hooks", json=ELSEWHERE | changes)
    assert (got.status, got.code) == (400, "invalid")
    assert await _stored(database) == []


async def test_there_are_only_so_many(crm: Program, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        for _ in range(MOST):
            await Webhooks(session, cast.a.id).add(
                url="https://hooks.example.com.au/", types=["call.ended"], created_by=cast.alice.id
            )
    got = await crm.ask("POST", "/hooks", json=ELSEWHERE)
    assert (got.status, got.code) == (409, "conflict")


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["hooks:write"], 403),
        (["hooks:write", "members:read"], 403),
        (["hooks:read", "calls:read"], 403),
        (["hooks:write", "calls:read"], 201),
    ],
)
async def test_nobody_is_told_what_their_key_may_not_read(
    site: Site, database: Database, cast: Cast, scopes: list[Scope], status: int
) -> None:
    issued = await issue(database, cast.alice, scopes)
    async with program(site.url, issued.token) as narrow:
        assert (await narrow.ask("POST", "/hooks", json=ELSEWHERE)).status == status
        if "hooks:read" in scopes:
            assert (await narrow.get("/samples", event="member.joined")).status == 403


async def test_another_organisations_hook_is_not_there(
    crm: Program, site: Site, database: Database, cast: Cast
) -> None:
    added = await crm.ask("POST", "/hooks", json=ELSEWHERE)
    issued = await issue(database, cast.charlie)
    async with program(site.url, issued.token) as other:
        assert (await other.get("/hooks")).body["data"] == []
        assert (await other.ask("DELETE", f"/hooks/{added.body['id']}")).status == 404
    assert len(await _stored(database)) == 1


async def test_samples_are_of_what_there_is(crm: Program, database: Database, cast: Cast) -> None:
    assert (await crm.get("/samples", event="call.ended")).body["data"] == []
    await waiting_call(database, cast.number)
    async with asyncio.timeout(60):  # ringing decides meanwhile that nobody is there
        while True:
            [call] = (await crm.get("/samples", event="call.ended")).body["data"]
            if call["data"]["call"] == (await crm.get("/calls")).body["data"][0]:
                break
    assert call["type"] == "call.ended"
    members = (await crm.get("/samples", event="member.joined")).body["data"]
    assert members
    assert all(each["data"]["member"]["name"] for each in members)
    assert (await crm.get("/samples", event="call.words")).status == 400
