"""The heartbeat of a console, taking over, choosing, and what ends it all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from db.engine import Database
from db.models import Member
from db.queries.members import Members
from db.queries.phone.choices import Choices
from tests.kit.vendors.twilio_caller import available
from tests.kit.web.cast import Cast
from tests.kit.web.phones import JSON, beat, command, pass_time, standing_of, state_of
from tests.kit.web.site import Browser
from web.phone.presence import LONGEST, LOST, REACHABLE

Browsers = Callable[[], Browser]


async def ready(browser: Browser) -> None:
    await beat(browser)
    await command(browser, "/phone/presence", state="available")


async def rung(database: Database, cast: Cast) -> list[str]:
    """Whom a release rings that knows only ``members.available``."""
    async with database.begin() as session:
        return [member.name for member in await Members(session, cast.a.id).to_ring(10)]


async def test_a_console_with_heartbeats_makes_available(browser: Browsers, cast: Cast, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    assert await state_of(database, cast.bob) == "offline"
    await command(bob, "/phone/presence", state="available")
    assert await state_of(database, cast.bob) == "unreachable"
    assert await beat(bob)
    assert await state_of(database, cast.bob) == "available"
    await beat(bob, microphone=False)
    assert await state_of(database, cast.bob) == "unreachable"


async def test_two_missed_heartbeats_and_the_next_one(browser: Browsers, cast: Cast, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    await ready(bob)
    await pass_time(database, cast.bob, REACHABLE)
    assert await state_of(database, cast.bob) == "unreachable"
    await beat(bob)
    assert await state_of(database, cast.bob) == "available"


@pytest.mark.parametrize("silent", [LOST, LONGEST])
async def test_long_silence_ends_it_until_it_is_chosen_again(
    browser: Browsers, cast: Cast, database: Database, silent: timedelta
) -> None:
    bob = await browser().sign_in(cast.bob)
    await ready(bob)
    await pass_time(database, cast.bob, silent)
    await beat(bob)
    assert await state_of(database, cast.bob) == "offline"
    assert await rung(database, cast) == []
    await command(bob, "/phone/presence", state="available")
    assert await state_of(database, cast.bob) == "available"


async def test_a_break_has_one_of_the_organisations_reasons(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        for kind, label in (("break", "Lunch"), ("tag", "Complaint")):
            await Choices(session, cast.a.id).set(kind, [label])  # type: ignore[arg-type]
        await Choices(session, cast.b.id).set("break", ["Tea"])
        ours = {each.label: each.id for each in await Choices(session, cast.a.id).all()}
        (theirs,) = await Choices(session, cast.b.id).all()
    bob = await browser().sign_in(cast.bob)
    await ready(bob)
    for other in (theirs.id, ours["Complaint"], cast.bob.id):
        await command(bob, "/phone/presence", 400, state="break", reason=str(other))
    assert await state_of(database, cast.bob) == "available"
    await command(bob, "/phone/presence", state="break", reason=str(ours["Lunch"]))
    assert await state_of(database, cast.bob) == "break"
    assert (await standing_of(database, cast.bob)).break_reason_id == ours["Lunch"]
    assert await rung(database, cast) == []
    await command(bob, "/phone/presence", state="break", reason=None)
    assert (await standing_of(database, cast.bob)).break_reason_id is None


async def test_a_second_computer_takes_over_and_the_first_is_told(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    bob = await browser().sign_in(cast.bob)
    await ready(bob)
    assert not await beat(bob, "laptop")
    assert await beat(bob)
    await command(bob, "/phone/take-over", console="laptop")
    assert not await beat(bob)
    assert await state_of(database, cast.bob) == "unreachable"
    assert await beat(bob, "laptop")
    assert await state_of(database, cast.bob) == "available"


async def signs_out(bob: Browser, _: Browser, __: Member) -> None:
    assert (await bob.post("/sign-out")).status == 303


async def is_signed_out(_: Browser, alice: Browser, member: Member) -> None:
    assert (await alice.post(f"/team/{member.id}/sign-out")).status == 303


async def signs_out_everywhere(bob: Browser, _: Browser, __: Member) -> None:
    assert (await bob.post("/account/sign-out")).status == 303


async def is_removed(_: Browser, alice: Browser, member: Member) -> None:
    assert (await alice.post(f"/team/{member.id}/remove")).status == 303


@pytest.mark.parametrize("end", [signs_out, is_signed_out, signs_out_everywhere, is_removed])
async def test_what_ends_a_sign_in_ends_being_rung(
    browser: Browsers, cast: Cast, database: Database, end: Callable[[Browser, Browser, Member], Awaitable[None]]
) -> None:
    bob, alice = await browser().sign_in(cast.bob), await browser().sign_in(cast.alice)
    await ready(bob)
    assert await rung(database, cast) == ["Bob Brown"]
    await end(bob, alice, cast.bob)
    assert await state_of(database, cast.bob) == "offline"
    assert await rung(database, cast) == []
    assert (await bob.post("/phone/beat", json={}, headers=JSON)).status == 401


async def test_the_switch_of_before_says_the_same(browser: Browsers, cast: Cast, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    await beat(bob)
    for is_available, state in ((True, "available"), (False, "offline"), (True, "available")):
        assert (await bob.post("/console/availability", json={"available": is_available})).status == 204
        assert await state_of(database, cast.bob) == state
        assert await rung(database, cast) == (["Bob Brown"] if is_available else [])


async def test_whom_an_earlier_release_rings_is_available(browser: Browsers, cast: Cast, database: Database) -> None:
    await available(database, cast.bob)
    await beat(await browser().sign_in(cast.bob))
    assert await state_of(database, cast.bob) == "available"


@pytest.mark.parametrize("path", ["/phone/beat", "/phone/take-over", "/phone/presence"])
@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "null", "{}", "[" * 100_000),
        '{"console": "", "registered": true, "microphone": true, "state": "on_call"}',
        '{"console": "a b", "registered": true, "microphone": true, "state": 1}',
        '{"console": 5, "registered": "yes", "microphone": null, "state": "break", "reason": "lunch"}',
    ],
)
async def test_bad_input_is_refused_and_changes_nothing(
    browser: Browsers, cast: Cast, database: Database, path: str, body: str
) -> None:
    bob = await browser().sign_in(cast.bob)
    before = await standing_of(database, cast.bob)
    answer = await bob.post(path, data=body, headers=JSON | {"Content-Type": "application/json"})
    assert answer.status == 400
    assert (await answer.json())["error"]
    assert await standing_of(database, cast.bob) == before


@pytest.mark.parametrize("path", ["/phone/beat", "/phone/take-over", "/phone/presence"])
async def test_nothing_without_a_sign_in_or_from_another_site(cast: Cast, browser: Browsers, path: str) -> None:
    assert (await browser().post(path, json={}, headers=JSON)).status == 401
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post(path, json={}, headers=JSON | {"X-CSRF-Token": "0" * 64})).status == 403
