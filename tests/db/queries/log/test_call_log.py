"""The call log as it is read: every filter finds what it says, each call once, however far the search has to walk."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from db.call_progress import Outcome
from db.engine import Database
from db.models import Call
from db.queries.calls import Calls
from db.queries.log.call_filter import CallFilter, Sort
from db.queries.log.call_log import CallLog, PageCursor
from db.queries.log.call_times import band
from db.queries.log.number_parts import Part
from db.queries.numbers import Numbers
from db.queries.phone.choices import Choices
from db.queries.phone.groups import Groups
from db.queries.phone.wrap_ups import WrapUp, WrapUps
from tests.kit.web.cast import Cast

T0 = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
CALLS = 150
CUSTOMERS = ["+61412345678", "+61412345111", "+61412999678", "+61298765432", "+611300123456", "+6421555678", None]


@dataclass(frozen=True)
class Known:
    """One call as it was made, to compare with what is found."""

    id: UUID
    at: datetime
    customer: str | None
    outcome: Outcome | None
    agent: UUID | None
    direction: str
    number: UUID
    source: str | None
    wait: int
    length: int
    result: UUID | None
    tags: tuple[UUID, ...]
    follow_up: bool

    def ends(self, part: Part) -> bool:
        digits = (self.customer or "").removeprefix("+")
        return digits.startswith(part.digits) if part.end == "prefix" else digits.endswith(part.digits)


@dataclass(frozen=True)
class Log:
    """The organisation's calls, and what they were made of."""

    calls: list[Known]
    group: UUID
    members: set[UUID]
    results: list[UUID]
    tags: list[UUID]
    lines: list[UUID]


async def _fill(database: Database, cast: Cast) -> Log:
    dice, made = random.Random(7), []
    async with database.begin() as session:
        numbers = Numbers(session, cast.a.id)
        other = await numbers.add(e164="+61255505678", twilio_sid=None)
        await numbers.describe(other.id, label="Shop", purpose="Sales", source="Radio")
        groups, choices = Groups(session, cast.a.id), Choices(session, cast.a.id)
        group = await groups.add("Half")
        await groups.change(group, "Half", [cast.bob.id, cast.sam.id])
        await choices.set("outcome", ["Booked", "Lost"])
        await choices.set("tag", ["Urgent", "Complaint", "Never"])
        kept = await choices.all()
        results = [each.id for each in kept if each.kind == "outcome"]
        tags = [each.id for each in kept if each.kind == "tag"]
        for n in range(CALLS):
            customer, line = dice.choice(CUSTOMERS), dice.choice([cast.number, other])
            outcome = dice.choice([*get_args(Outcome), "answered", None])
            agent = dice.choice([cast.bob.id, cast.dana.id, cast.sam.id, None])
            direction = dice.choice(["inbound", "outbound"])
            wait, length = dice.choice([0, 9, 10, 59, 400]), dice.choice([5, 30, 299, 300, 4000])
            at = T0 - timedelta(hours=dice.randrange(200))
            ours, theirs = line.e164, customer or "anonymous"
            call = await Calls(session, cast.a.id).open(
                f"CA{n:032x}",
                direction=direction,  # type: ignore[arg-type]
                from_number=theirs if direction == "inbound" else ours,
                to_number=ours if direction == "inbound" else theirs,
                agent_id=agent,
                number_id=line.id,
                customer=customer,
            )
            seconds = {"wait_s": wait, "wait_band": band(wait), "length_s": length, "length_band": band(length)}
            values: dict[str, Any] = {"started_at": at, "outcome": outcome, **seconds}
            changed = update(Call).where(Call.id == call.id).values(**values)
            await session.execute(changed.execution_options(synchronize_session=False))
            await session.refresh(call)
            said = WrapUp(dice.choice([*results, None]), tuple(dice.sample(tags[:2], dice.randrange(3))), n % 7 == 0)
            await WrapUps(session, cast.a.id).store(call, said, at)
            known = (call.id, at, customer, outcome, agent, direction, line.id, call.source, wait, length)
            made.append(Known(*known, said.outcome, said.tags, said.follow_up))
    return Log(made, group, {cast.bob.id, cast.sam.id}, results, tags, [cast.number.id, other.id])


def _cases(log: Log, cast: Cast) -> dict[str, tuple[CallFilter, Callable[[Known], bool]]]:
    """Filters, and which calls each lets through."""
    end, begin = Part("suffix", "5678"), Part("prefix", "6141234")
    long_end, long_begin = Part("suffix", "345678"), Part("prefix", "61412345")
    since = T0 - timedelta(hours=90)
    return {
        "all": (CallFilter(), lambda call: True),
        "number": (CallFilter(number="+61412345678"), lambda call: call.customer == "+61412345678"),
        "end": (CallFilter(parts=(end,)), lambda call: call.ends(end)),
        "longer end": (CallFilter(parts=(long_end,)), lambda call: call.ends(long_end)),
        "beginning": (CallFilter(parts=(begin,)), lambda call: call.ends(begin)),
        "longer beginning": (CallFilter(parts=(long_begin,)), lambda call: call.ends(long_begin)),
        "either": (CallFilter(parts=(begin, end)), lambda call: call.ends(begin) or call.ends(end)),
        "tag": (CallFilter(tag_id=log.tags[0]), lambda call: log.tags[0] in call.tags),
        "unused tag": (CallFilter(tag_id=log.tags[2]), lambda call: False),
        "result": (CallFilter(outcome_choice_id=log.results[1]), lambda call: call.result == log.results[1]),
        "agent": (CallFilter(agent_id=cast.bob.id), lambda call: call.agent == cast.bob.id),
        "group": (CallFilter(group_id=log.group), lambda call: call.agent in log.members),
        "no group": (CallFilter(group_id=uuid4()), lambda call: False),
        "line": (CallFilter(number_id=log.lines[0]), lambda call: call.number == log.lines[0]),
        "source": (CallFilter(source="Radio"), lambda call: call.number == log.lines[1]),
        "outcome": (CallFilter(outcome="missed"), lambda call: call.outcome == "missed"),
        "live": (CallFilter(live=True), lambda call: call.outcome is None),
        "direction": (CallFilter(direction="outbound"), lambda call: call.direction == "outbound"),
        "length": (CallFilter(length_band=band(300)), lambda call: call.length == 300),
        "wait": (CallFilter(wait_band=0), lambda call: call.wait < 10),
        "follow-up": (CallFilter(follow_up=True), lambda call: call.follow_up),
        "days": (
            CallFilter(since=since, until=since + timedelta(hours=40)),
            lambda call: since <= call.at < since + timedelta(hours=40),
        ),
        "several": (
            CallFilter(agent_id=cast.bob.id, outcome="answered", direction="inbound", since=since),
            lambda call: (
                (call.agent, call.outcome, call.direction) == (cast.bob.id, "answered", "inbound")
                and call.at >= since
            ),
        ),
        "group and tag": (
            CallFilter(group_id=log.group, tag_id=log.tags[1], follow_up=True),
            lambda call: call.agent in log.members and log.tags[1] in call.tags and call.follow_up,
        ),
        "group, busy": (
            CallFilter(group_id=log.group, outcome="busy"),
            lambda call: call.agent in log.members and call.outcome == "busy",
        ),
        "either, missed": (
            CallFilter(parts=(begin, end), outcome="missed"),
            lambda call: call.outcome == "missed" and (call.ends(begin) or call.ends(end)),
        ),
    }


def _cases_of_two(log: Log, cast: Cast) -> dict[str, tuple[CallFilter, Callable[[Known], bool]]]:
    """The same of two filters that both let few calls through."""
    since = T0 - timedelta(hours=80)
    return {
        "agent and tag": (
            CallFilter(agent_id=cast.bob.id, tag_id=log.tags[0]),
            lambda call: call.agent == cast.bob.id and log.tags[0] in call.tags,
        ),
        "agent and unused tag": (CallFilter(agent_id=cast.bob.id, tag_id=log.tags[2]), lambda call: False),
        "agent and tag, days": (
            CallFilter(agent_id=cast.dana.id, tag_id=log.tags[1], outcome="answered", since=since),
            lambda call: (
                (call.agent, call.outcome) == (cast.dana.id, "answered")
                and log.tags[1] in call.tags
                and call.at >= since
            ),
        ),
        "line and source": (
            CallFilter(number_id=log.lines[1], source="Radio"),
            lambda call: call.number == log.lines[1],
        ),
        "line and another's source": (CallFilter(number_id=log.lines[0], source="Radio"), lambda call: False),
        "result and agent": (
            CallFilter(outcome_choice_id=log.results[0], agent_id=cast.sam.id),
            lambda call: (call.result, call.agent) == (log.results[0], cast.sam.id),
        ),
    }


_ORDERS: dict[Sort, Callable[[Known], tuple[Any, ...]]] = {
    "newest": lambda call: (call.at, call.id),
    "oldest": lambda call: (call.at, call.id),
    "longest": lambda call: (call.length, call.id),
    "waited": lambda call: (call.wait, call.id),
}


@pytest.mark.parametrize("walk", [5_000, 8])
async def test_every_filter_finds_each_call_once_in_every_order(database: Database, cast: Cast, walk: int) -> None:
    log = await _fill(database, cast)
    assert all(
        any(holds(call) for call in log.calls) for _, holds in _cases(log, cast).values() if holds(log.calls[0])
    )
    for name, (which, holds) in (_cases(log, cast) | _cases_of_two(log, cast)).items():
        for sort, order in _ORDERS.items():
            expected = sorted((call for call in log.calls if holds(call)), key=order, reverse=sort != "oldest")
            found = await _all_pages(database, cast, which, sort, walk)
            assert found == [call.id for call in expected], (name, sort)


async def _all_pages(database: Database, cast: Cast, which: CallFilter, sort: Sort, walk: int) -> list[UUID]:
    found: list[UUID] = []
    after: PageCursor | None = None
    async with database.begin() as session:
        while True:
            log = CallLog(session, cast.a.id, walk=walk)
            page = await log.page(which, sort=sort, after=after, limit=20)
            found += [call.id for call in page.calls]
            if page.after is None:
                assert page.looked_to is None
                return found
            assert len(page.calls) == 20 or page.looked_to is not None
            after = page.after


async def test_an_agent_searches_their_own_calls_alone(database: Database, cast: Cast) -> None:
    log = await _fill(database, cast)
    async with database.begin() as session:
        own = CallLog(session, cast.a.id, only_agent_id=cast.bob.id)
        for name, (which, holds) in (_cases(log, cast) | _cases_of_two(log, cast)).items():
            expected = {call.id for call in log.calls if call.agent == cast.bob.id and holds(call)}
            assert {call.id for call in (await own.page(which, limit=CALLS)).calls} == expected, name
        foreign = CallLog(session, cast.b.id)
        assert not (await foreign.page(CallFilter())).calls
        assert await foreign.get(log.calls[0].id) is None
        assert await foreign.sources() == []
        assert await own.sources() == ["Radio"]


async def test_what_is_said_of_a_number_later_does_not_change_its_earlier_calls(
    database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        numbers, calls = Numbers(session, cast.a.id), Calls(session, cast.a.id)
        for place, source in enumerate(("Radio", "")):
            await numbers.describe(cast.number.id, label=f"Line {place}", purpose="Sales", source=source)
            ends = {"from_number": "+61412345678", "to_number": cast.number.e164}
            await calls.open(f"CA{place}", direction="inbound", number_id=cast.number.id, **ends)  # type: ignore[arg-type]
        page = await CallLog(session, cast.a.id).page(CallFilter(), sort="oldest")
        copied = {(call.call_sid, call.line_label, call.line_purpose, call.source) for call in page.calls}
        assert copied == {("CA0", "Line 0", "Sales", "Radio"), ("CA1", "Line 1", "Sales", None)}
