"""Millions of calls of one organisation, made by Postgres itself.

Customers are made here, with real ciphertexts and hashes; each has about fifty calls. The calls are spread over 400
days in the order of time, as a call log fills: four of five come in, one of eight is missed, talking times are
exponential. Some agents, outcomes, tags and sources are rare on purpose: those are what a bad index is slow at.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from db.encryption import Keyring, keyring_of
from db.engine import Database
from db.queries import organisations
from db.queries.contacts.contacts import Contacts, person_of
from db.queries.contacts.people import People
from db.queries.log.number_parts import keys
from db.queries.members import Members
from db.queries.numbers import Numbers
from db.queries.phone.choices import Choices
from db.queries.phone.groups import Groups

DAYS = 400
CALLS_OF_A_CUSTOMER = 50
_CHUNK = 500_000  # rows of a statement
_AGENTS, _NUMBERS, _OUTCOMES, _TAGS = 50, 12, 8, 10
_POOL = """
CREATE UNLOGGED TABLE pool (
    id int PRIMARY KEY, number bytea, hash bytea, prefix bigint, long_prefix bigint, suffix bigint, parts int[]
)
"""
_CALLS = """
INSERT INTO calls (
    id, organisation_id, call_sid, direction, from_number, to_number, agent_id, number_id, line_label, source, status,
    outcome, reason, customer_hash, prefix_key, long_prefix_key, suffix_key, part_keys, outcome_choice_id, follow_up,
    started_at, answered_at, ended_at, duration_s, wait_s, wait_band, length_s, length_band, talk_s, transcription,
    gaps, gaps_ms
)
SELECT
    gen_random_uuid(), $1, 'CA' || lpad(to_hex(n), 32, '0'), direction,
    CASE direction WHEN 'inbound' THEN p.number ELSE $2::bytea END,
    CASE direction WHEN 'inbound' THEN $2::bytea ELSE p.number END,
    CASE WHEN outcome = 'missed' THEN NULL ELSE agent END, ($3::uuid[])[line], 'Line ' || line,
    CASE WHEN line <= 2 THEN NULL WHEN n % 20000 = 7 THEN 'Skywriting' ELSE 'Campaign ' || line END,
    'completed', outcome, CASE WHEN outcome = 'missed' THEN 'caller_left' END,
    p.hash, p.prefix, p.long_prefix, p.suffix, p.parts,
    CASE WHEN noted < 0.4 AND outcome = 'answered'
         THEN ($4::uuid[])[
             CASE WHEN n % 20000 = 11 THEN 1 ELSE 2 + floor(noted * 2.5 * (cardinality($4::uuid[]) - 1))::int END
         ] END,
    n % 50 = 3, began,
    CASE WHEN outcome = 'answered' THEN began + make_interval(secs => wait) END,
    began + make_interval(secs => wait + talk), wait + talk, wait,
    width_bucket(wait, ARRAY[10, 30, 60, 300, 900, 3600]), wait + talk,
    width_bucket(wait + talk, ARRAY[10, 30, 60, 300, 900, 3600]),
    CASE WHEN outcome = 'answered' THEN talk END, CASE WHEN outcome = 'answered' THEN 'ended' END,
    CASE WHEN outcome = 'answered' AND n % 200 = 9 THEN 1 ELSE 0 END,
    CASE WHEN outcome = 'answered' AND n % 200 = 9 THEN 800 ELSE 0 END
FROM (
    SELECT n, began, direction, noted, customer, wait, line, outcome,
           CASE WHEN outcome = 'answered' THEN talk ELSE 0 END AS talk,
           ($5::uuid[])[
               CASE WHEN n % 20000 = 13 THEN 1 ELSE 2 + floor(who * (cardinality($5::uuid[]) - 1))::int END
           ] AS agent
    FROM (
        SELECT n, $6::timestamptz + n * $7::interval AS began, random() AS noted, random() AS who,
               1 + floor(random() * $8::int)::int AS customer,
               1 + floor(random() * random() * cardinality($3::uuid[]))::int AS line,
               CASE WHEN random() < 0.8 THEN 'inbound' ELSE 'outbound' END AS direction,
               (2 - 12 * ln(1 - random()))::int AS wait, least(14000, (5 - 200 * ln(1 - random()))::int) AS talk,
               random() AS ended
        FROM generate_series($9::bigint, $10::bigint) AS n
    ) AS drawn,
    LATERAL (SELECT CASE WHEN ended < 0.80 THEN 'answered'
                         WHEN direction = 'inbound' THEN 'missed'
                         WHEN n % 20000 = 17 THEN 'failed'
                         WHEN ended < 0.97 THEN 'unanswered' ELSE 'busy' END AS outcome) AS what
) AS made JOIN pool AS p ON p.id = customer
ORDER BY n
"""
_TAGGED = """
INSERT INTO call_tags (call_id, choice_id, organisation_id, started_at)
SELECT id, ($2::uuid[])[
           CASE WHEN random() < 0.0005 THEN 1 ELSE 2 + floor(random() * (cardinality($2::uuid[]) - 1))::int END
       ], organisation_id, started_at
FROM calls WHERE organisation_id = $1 AND random() < 0.15
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename IN ('calls', 'call_tags') AND indexname LIKE 'ix\\_%'
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """The organisation whose calls were made, and what they can be searched by: the first of each is rare."""

    organisation_id: UUID
    owner: UUID
    agents: Sequence[UUID]
    group: UUID
    numbers: Sequence[UUID]
    outcomes: Sequence[UUID]
    tags: Sequence[UUID]
    customers: Sequence[str]
    """Some of their numbers, E.164."""


async def fill(database: Database, owner: asyncpg.Connection, rows: int, *, seed: int = 1) -> Filled:
    """Make ``rows`` calls, ``owner`` being a connection of the tables' owner; indexes are made after them."""
    async with database.begin() as session:
        keyring = keyring_of(session)
        made = await organisations.create(session, name="Load", status="active")
        team = Members(session, made.id)
        boss = await team.add(email="owner@load.example", name="Owner", role="owner")
        agents = [
            (await team.add(email=f"agent{place}@load.example", name=f"Agent {place}", role="agent")).id
            for place in range(_AGENTS)
        ]
        numbers = [
            (await Numbers(session, made.id).add(e164=f"+612555{place:05}", twilio_sid=None)).id
            for place in range(_NUMBERS)
        ]
        choices, groups = Choices(session, made.id), Groups(session, made.id)
        await choices.set("outcome", [f"Result {place}" for place in range(_OUTCOMES)])
        await choices.set("tag", [f"Tag {place}" for place in range(_TAGS)])
        kept = await choices.all()
        group = await groups.add("Half")
        await groups.change(group, "Half", agents[: _AGENTS // 2])
    outcomes = [each.id for each in kept if each.kind == "outcome"]
    tags = [each.id for each in kept if each.kind == "tag"]
    customers = await _customers(owner, keyring, max(50, rows // CALLS_OF_A_CUSTOMER), random.Random(seed))
    indexes = await owner.fetch(_INDEXES)
    for index in indexes:
        await owner.execute(f"DROP INDEX {index['indexname']}")
    await owner.execute("SELECT setseed($1)", 1 / (seed + 1))
    every = await owner.fetchval("SELECT make_interval(days => $1) / $2::int", DAYS, rows)
    line = keyring.encrypt("+61255500001")
    begin = datetime.now(UTC) - every * (rows + 1)
    for first in range(1, rows + 1, _CHUNK):
        last = min(rows, first + _CHUNK - 1)
        drawn = (begin, every, len(customers), first, last)
        await owner.execute(_CALLS, made.id, line, numbers, outcomes, agents, *drawn, timeout=None)
    await owner.execute(_TAGGED, made.id, tags, timeout=None)
    for index in indexes:
        await owner.execute(index["indexdef"], timeout=None)
    await owner.execute("DROP TABLE pool")
    await owner.execute("VACUUM (ANALYZE) calls, call_tags, members, numbers, choices", timeout=None)
    return Filled(made.id, boss.id, agents, group, numbers, outcomes, tags, customers[:200])


async def person(database: Database, filled: Filled, numbers: int) -> UUID:
    """Keep a contact who has the numbers of so many customers; return who it is."""
    async with database.begin() as session:
        contacts, people = Contacts(session, filled.organisation_id), People(session, filled.organisation_id)
        await contacts.keep(dict.fromkeys(filled.customers[:numbers], "Casey Customer"))
        found = [await contacts.row(number) for number in filled.customers[:numbers]]
        first, *others = [each for each in found if each is not None]
        for other in others:
            if person_of(other) != person_of(first):
                await people.merge(first, other, "Casey Customer")
        return person_of(first)


async def _customers(owner: asyncpg.Connection, keyring: Keyring, count: int, dice: random.Random) -> list[str]:
    """Make customers, three of five with a mobile number; return their numbers."""
    drawn = set[str]()
    while len(drawn) < count:
        mobile = f"+614{dice.randrange(10**8):08}"
        drawn.add(mobile if dice.random() < 0.6 else f"+61{dice.choice('2378')}{dice.randrange(10**8):08}")
    numbers = sorted(drawn, key=lambda each: each[::-1])
    await owner.execute(_POOL)
    rows = []
    for place, number in enumerate(numbers, 1):
        hashed = keys(keyring, number)
        parts = (hashed.prefix_key, hashed.long_prefix_key, hashed.suffix_key, hashed.part_keys)
        rows.append((place, keyring.encrypt(number), keyring.hash("number", number), *parts))
    await owner.copy_records_to_table("pool", records=rows)
    return numbers
