"""A call that is handed to a group, and one whose agent comes back: rung, answered and joined over HTTP."""

from __future__ import annotations

import json
from typing import get_args
from uuid import UUID

from sqlalchemy import delete, select

from db.engine import Database
from db.models import Member, Presence, WebhookEvent
from db.queries.integrations.events import CallEventType
from db.queries.integrations.webhooks import Webhooks
from db.queries.phone.groups import Groups
from tests.kit.web.cast import Cast
from tests.kit.web.phones import offers_of, page, scripted_agent
from tests.kit.web.room_town import RoomTown, commanded
from tests.kit.web.site import Browser


async def group_of(database: Database, cast: Cast, *members: Member) -> UUID:
    async with database.begin() as session:
        groups = Groups(session, cast.a.id)
        made = await groups.add("Accounts")
        await groups.change(made, "Accounts", [member.id for member in members])
    return made


async def told(database: Database) -> list[tuple[str, str | None]]:
    """What programs are told of calls: each event, and to whom a transfer went."""
    async with database.begin() as session:
        events = (await session.scalars(select(WebhookEvent).order_by(WebhookEvent.at))).all()
    return [(each.type, json.loads(each.body)["data"].get("to_member_id")) for each in events]


async def test_a_group_is_rung_and_who_answers_has_the_customer(
    town: RoomTown, bob: Browser, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:  # the town's console for her: she has one of her own here
        await session.execute(delete(Presence).where(Presence.member_id == cast.dana.id))
        await Webhooks(session, cast.a.id).add(
            url="https://hooks.example.com.au/", types=get_args(CallEventType), created_by=cast.alice.id
        )
    group = await group_of(database, cast, cast.bob, cast.dana)
    call, customer, agent = await town.talking(cast.bob)
    rung = len(await offers_of(database, cast.number, call))  # it may have rung before he had it
    async with scripted_agent(database, cast.dana, web_url=town.site.url, twilio_url=town.twilio.url):
        to = {"kind": "blind", "to": {"group": str(group)}}
        assert (await commanded(bob, call, "transfer", to))[0] == 200
        room = await town.until_room(call, lambda room: room.agent == cast.dana.id and room.transfer is None)
        await town.ended(agent)
        await town.until_room(call, lambda room: room.phase == "talking" and not room.held)
        assert not customer.over.is_set()
        assert [leg.member for leg in room.agents if leg.is_there] == [cast.dana.id]
        offers = await offers_of(database, cast.number, call)
        customer.hang_up()
        await town.until_room(call, lambda room: room.is_over)
    assert offers[rung:] == [(cast.dana.id, "claimed")], "nor at who hands it on"
    events = await told(database)
    assert [to for kind, to in events if kind == "call.transferred"] == [str(cast.dana.id)]
    assert {kind for kind, _ in events} >= {"call.started", "call.answered", "call.held", "call.ended"}


async def test_an_agent_whose_line_broke_is_rung_first_and_comes_back(
    town: RoomTown, bob: Browser, database: Database, cast: Cast
) -> None:
    call, customer, agent = await town.talking(cast.bob)
    before = len(await offers_of(database, cast.number, call))  # it may have rung before he had it
    async with page(bob) as seen:
        agent.hang_up()
        state = await seen.sees(lambda state: any(offer["returning"] for offer in state["offers"]))
        assert [(offer["call"], offer["kind"]) for offer in state["offers"]] == [(str(call), "call")]
        assert (await commanded(bob, call, "claim"))[0] == 200
        town.joins(call, cast.bob)
        await seen.sees(lambda state: state["call"] is not None and state["call"]["joined"])
    room = await town.until_room(call, lambda room: room.phase == "talking")
    assert (room.agent, customer.over.is_set()) == (cast.bob.id, False)
    rung = await offers_of(database, cast.number, call)
    assert {member for member, _ in rung[before:]} == {cast.bob.id}, "nobody else, although Dana was free"
