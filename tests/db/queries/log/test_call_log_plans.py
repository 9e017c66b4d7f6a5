"""The plans behind the call log: every search walks along its own index, in order, and none reads all calls.

Postgres plans with real statistics of some ten thousand calls, made as the benchmark makes its millions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest_asyncio
from sqlalchemy import text

from db.engine import Database, asyncpg_dsn
from db.queries.log.call_filter import CallFilter, Sort
from db.queries.log.call_log import CallLog
from db.queries.log.number_parts import Part
from sandbox.load.log.rows import Filled, fill
from tests.kit.plans import plans

ROWS = 20_000
TABLES = ("calls", "call_tags")
Case = tuple[CallFilter, Sort, str]


@pytest_asyncio.fixture
async def filled(database: Database, owner_url: str) -> Filled:
    """Calls of one organisation, in the test's own database."""
    owner = await asyncpg.connect(asyncpg_dsn(owner_url))
    try:
        return await fill(database, owner, ROWS)
    finally:
        await owner.close()


def _cases(filled: Filled) -> dict[str, Case]:
    """What is asked, and the index that must find it."""
    number, agent = filled.customers[0], filled.agents[1]
    national = Part("prefix", number[1:6])
    several = CallFilter(agent_id=agent, outcome="answered", direction="inbound", wait_band=1)
    return {
        "all": (CallFilter(), "newest", "ix_calls_by_time"),
        "oldest": (CallFilter(), "oldest", "ix_calls_by_time"),
        "number": (CallFilter(number=number), "newest", "ix_calls_customer"),
        "end": (CallFilter(parts=(Part("suffix", number[-4:]),)), "newest", "ix_calls_suffix"),
        "longer end": (CallFilter(parts=(Part("suffix", number[-6:]),)), "newest", "ix_calls_suffix"),
        "beginning": (CallFilter(parts=(national,)), "newest", "ix_calls_prefix"),
        "longer": (CallFilter(parts=(Part("prefix", number[1:9]),)), "newest", "ix_calls_long_prefix"),
        "agent": (CallFilter(agent_id=agent), "newest", "ix_calls_agent"),
        "group": (CallFilter(group_id=filled.group), "newest", "ix_calls_agent"),
        "line": (CallFilter(number_id=filled.numbers[1]), "newest", "ix_calls_number"),
        "source": (CallFilter(source="Campaign 3"), "newest", "ix_calls_source"),
        "outcome": (CallFilter(outcome="missed"), "newest", "ix_calls_outcome"),
        "live": (CallFilter(live=True), "newest", "ix_calls_open"),
        "result": (CallFilter(outcome_choice_id=filled.outcomes[1]), "newest", "ix_calls_result"),
        "tag": (CallFilter(tag_id=filled.tags[1]), "newest", "ix_call_tags_calls"),
        "direction": (CallFilter(direction="outbound"), "newest", "ix_calls_direction"),
        "length": (CallFilter(length_band=2), "newest", "ix_calls_length"),
        "wait": (CallFilter(wait_band=2), "newest", "ix_calls_wait"),
        "follow-up": (CallFilter(follow_up=True), "newest", "ix_calls_follow_up"),
        "gaps": (CallFilter(words="gaps"), "newest", "ix_calls_gaps"),
        "stopped": (CallFilter(words="stopped"), "newest", "ix_calls_words_stopped"),
        "failed": (CallFilter(words="failed"), "newest", "ix_calls_untranscribed"),
        "gaps of an agent": (CallFilter(words="gaps", agent_id=agent), "newest", "ix_calls_gaps"),
        "several": (several, "newest", "ix_calls_agent"),
        "longest": (CallFilter(), "longest", "ix_calls_longest"),
        "waited": (CallFilter(), "waited", "ix_calls_waited"),
    }


async def test_every_search_walks_along_its_index(database: Database, filled: Filled) -> None:
    for name, (which, sort, index) in _cases(filled).items():
        async with database.begin() as session:
            log = CallLog(session, filled.organisation_id)
            sent = await plans(session, partial(log.page, which, sort=sort))
            first, *others = [plan for statement, plan in sent if any(f"FROM {each}" in statement for each in TABLES)]
        assert index in {node.get("Index Name") for node in first}, name
        for plan in (first, *others):
            read = {node["Node Type"] for node in plan if node.get("Relation Name") in TABLES}
            assert "Seq Scan" not in read, (name, plan)
        if name not in ("number", "group", "several", "live"):  # the others are found in order
            assert not {node["Node Type"] for node in first} & {"Sort", "Bitmap Heap Scan"}, (name, first)


async def test_the_longest_calls_of_a_day_are_sorted_from_an_index_alone(database: Database, filled: Filled) -> None:
    until = datetime.now(UTC) - timedelta(days=3)
    day = CallFilter(since=until - timedelta(days=1), until=until)
    for sort in ("longest", "waited"):
        async with database.begin() as session:
            log = CallLog(session, filled.organisation_id)
            (_, first), *_ = await plans(session, partial(log.page, day, sort=sort))
        read = {(node["Node Type"], node["Index Name"]) for node in first if "Index Name" in node}
        assert read == {("Index Only Scan", "ix_calls_by_time")}, sort


async def test_two_narrow_filters_are_joined_without_looking_up_what_meets_only_one(
    database: Database, filled: Filled
) -> None:
    both = CallFilter(agent_id=filled.agents[1], tag_id=filled.tags[1])
    for which, indexes in (
        (both, {"ix_calls_agent", "ix_call_tags_calls"}),
        (replace(both, outcome="answered"), {"ix_calls_agent", "ix_call_tags_calls", "pk_calls"}),
        (CallFilter(agent_id=filled.agents[1], source="Campaign 3"), {"ix_calls_agent", "ix_calls_source"}),
    ):
        async with database.begin() as session:
            await session.execute(text("SET LOCAL enable_bitmapscan = off"))  # to sort so few calls may seem cheaper
            log = CallLog(session, filled.organisation_id, walk=100)  # tag and agent are met by more
            [(_, are_many), (_, matches), *_] = await plans(session, partial(log.page, which))
        assert {node["Index Name"] for node in matches if "Index Name" in node} == indexes
        for node in (*are_many, *matches):
            if node.get("Index Name") not in (None, "pk_calls"):
                assert node["Node Type"] == "Index Only Scan", (which, node)
    async with database.begin() as session:
        log = CallLog(session, filled.organisation_id, walk=100)
        _, (_, matches), *_ = await plans(session, partial(log.page, replace(both, agent_id=filled.agents[0])))
    walked = {node.get("Index Name") for node in matches}
    assert "ix_calls_agent" in walked  # who has few calls: all of them are looked up
    assert "ix_call_tags_calls" not in walked
