"""The rehearsal, run in the namespace outside the host: start it, call it, disturb it, account for each word.

    ip netns exec NAME python -m deploy.rehearsal.run WORK_DIRECTORY IMAGE NEXT_IMAGE [STEPS]

deploy/rehearse.sh prepares everything and calls this. Exit status 0 if every step worked and every word of every call
is accounted for.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.rehearsal.outside import NUMBER, Accounts, outside
from deploy.rehearsal.people import Watcher, signed_in
from deploy.rehearsal.speech import Account, account, said_at, script
from deploy.rehearsal.steps import SETTLE_SECONDS, Step, StepError, all_steps, chosen, compose, ready
from sandbox.twilio.emulator import Twilio
from sandbox.twilio.phone.leg import Leg

CALLS = 10
CALL_SECONDS = 20 * 60  # they are hung up when the steps are done
BETWEEN_CALLS_SECONDS = 0.5
LAST_WORDS_SECONDS = 8
_POLL_SECONDS = 0.5

# An organisation has a number and people who answer: put in by the product's own code, inside web's container.
_FOUND = f"""
import asyncio
from sqlalchemy import select
from db.queries.members import Members
from db.models import Organisation
from db.queries.numbers import Numbers
from web import config

async def main():
    database = config.read().database("rehearsal", pool_size=1)
    async with database.begin() as session:
        found = (await session.scalars(select(Organisation))).one()
        await Numbers(session, found.id).add(e164="{NUMBER}", twilio_sid="PN" + "a" * 32)
        for number in range({CALLS}):
            member = await Members(session, found.id).add(
                email=f"agent{{number}}@bilby.test", name=f"Agent {{number}}", role="agent")
            await Members(session, found.id).set_available(member.id, True)
    await database.close()

asyncio.run(main())
"""


@dataclass
class Call:
    """One caller: the words of their script, and the telephone's leg."""

    name: str
    words: list[str]
    leg: Leg
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was done, how long it took, and what it cost in words."""

    name: str
    seconds: float
    error: str


async def place_calls(telephone: Twilio) -> list[Call]:
    """Ten callers who talk until they are hung up."""
    calls = []
    for number in range(CALLS):
        name = f"c{number}"
        words, sound = script(name, CALL_SECONDS)
        leg = telephone.place_call(to=NUMBER, from_=f"+6149157{number:04d}", caller_audio=sound)
        calls.append(Call(name, words, leg))
        await asyncio.sleep(BETWEEN_CALLS_SECONDS)
    return calls


async def until_heard(calls: list[Call], watcher: Watcher, seconds: float = 60) -> None:
    """Wait until every call shows words. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not all(watcher.lines(call.leg.sid) for call in calls):
            await asyncio.sleep(_POLL_SECONDS)


async def perform(steps: list[Step]) -> list[Row]:
    """Do one step after another."""
    rows = []
    for step in steps:
        print(f"{time.strftime('%H:%M:%S')} {step.name}", flush=True)
        began = time.monotonic()
        error = ""
        try:
            await step.act()
        except (StepError, TimeoutError, OSError) as failure:
            error = str(failure) or type(failure).__name__
            print(f"         FAILED: {error}", flush=True)
        rows.append(Row(step.name, time.monotonic() - began, error))
        await asyncio.sleep(SETTLE_SECONDS)
    return rows


def accounts_of(calls: list[Call], watcher: Watcher) -> list[Account]:
    """What became of the words each caller has said until now, but for the last few, which are still on their way.

    How late words are shown, answering and ringing included, is measured on calls in the middle: a call that shows
    nothing any more is not excused.
    """
    now = time.monotonic()
    times = {call.name: said_at(call.words, call.name) for call in calls}
    last = {
        call.name: max(times[call.name].get(word, 0) for line in watcher.lines(call.leg.sid) for word in line.words)
        for call in calls
    }
    late_ms = statistics.median((now - call.began) * 1000 - last[call.name] for call in calls)
    results = []
    for call in calls:
        until_ms = max(last[call.name], (now - call.began) * 1000 - late_ms - LAST_WORDS_SECONDS * 1000)
        said = {word: at for word, at in times[call.name].items() if at <= until_ms}
        results.append(account(said, watcher.lines(call.leg.sid), watcher.gaps.get(call.leg.sid, ())))
    return results


def keep(place: Path, calls: list[Call], results: list[Account], watcher: Watcher) -> None:
    """Write down all that was shown, for whoever asks why a word is missing."""
    shown = {
        call.name: {
            "missing": result.missing,
            "gaps": sorted(watcher.gaps.get(call.leg.sid, ())),
            "lines": [(line.start_ms, line.end_ms, *line.words) for line in watcher.lines(call.leg.sid)],
        }
        for call, result in zip(calls, results, strict=True)
    }
    place.write_text(json.dumps(shown, indent=1))


def report(rows: list[Row], calls: list[Call], results: list[Account], watcher: Watcher) -> bool:
    """Print both tables; whether all is well."""
    print(f"\n{'step':<32}{'s':>7}  outcome")
    for row in rows:
        print(f"{row.name:<32}{row.seconds:>7.1f}  {row.error.splitlines()[0][:90] if row.error else 'done'}")
    print(f"\n{'call':<8}{'said':>7}{'seen':>7}{'gap':>7}{'missing':>9}{'twice':>7}  state")
    for call, result in zip(calls, results, strict=True):
        counts = f"{result.said:>7}{result.seen:>7}{result.told:>7}{len(result.missing):>9}{len(result.doubled):>7}"
        print(f"{call.name:<8}{counts}  {call.leg.status}")
    total = [sum(getattr(result, name) for result in results) for name in ("said", "seen", "told")]
    missing = [word for result in results for word in result.missing]
    print(f"\n{total[0]} words said, {total[1]} seen, {total[2]} reported as lost, {len(missing)} unaccounted for")
    print(f"consoles opened by the watcher: {watcher.connections}")
    if missing:
        print("missing:", " ".join(missing[:60]))
    return not missing and total[0] > 0 and not any(row.error for row in rows)


async def rehearse(folder: Path, image: str, next_image: str, pattern: str) -> bool:
    """Run all of it; whether all is well."""
    accounts = Accounts(folder)
    (folder / "bilby.env").write_text(accounts.env(image))
    async with AsyncExitStack() as stack:
        telephone = await stack.enter_async_context(outside(accounts))
        print(f"{time.strftime('%H:%M:%S')} docker compose up", flush=True)
        await compose("up", "--detach", "--no-build")
        await ready()
        found = await compose("exec", "-T", "web", "python", "-m", "web.found", "Rehearsal", "owner@bilby.test")
        await compose("exec", "-T", "web", "python", "-", stdin=_FOUND)
        link = next(word for word in found.split() if word.startswith("https://"))
        watcher = await stack.enter_async_context(signed_in(link))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        watching = tasks.create_task(watcher.watch())
        try:
            calls = await place_calls(telephone)
            await until_heard(calls, watcher)

            def promote(token: str) -> None:
                exchange = telephone.exchange
                exchange.settings = replace(exchange.settings, auth_token=token)

            rows = await perform(chosen(all_steps(next_image, promote), pattern))
            await asyncio.sleep(LAST_WORDS_SECONDS)
            results = accounts_of(calls, watcher)
            keep(folder / "result.json", calls, results, watcher)
            return report(rows, calls, results, watcher)
        finally:
            watching.cancel()


def main() -> int:
    """Rehearse as the command line says; the exit status."""
    folder, image, next_image, *pattern = sys.argv[1:]
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # noqa: TID251 (for the commands it runs)
    return 0 if asyncio.run(rehearse(Path(folder), image, next_image, pattern[0] if pattern else "")) else 1


if __name__ == "__main__":
    sys.exit(main())
