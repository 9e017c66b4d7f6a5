"""The rehearsal, run in the namespace outside the host: start it, call it, disturb it, account for each word.

    ip netns exec NAME python -m deploy.rehearsal.run WORK_DIRECTORY IMAGE NEXT_IMAGE [STEPS]

deploy/rehearse.sh prepares everything and calls this. Exit status 0 if every step worked and every word of every call
is accounted for.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.rehearsal.host import StepError, compose, ready
from deploy.rehearsal.ledger import ON_THE_WAY_MS, Heard, Ledger, Total, total
from deploy.rehearsal.outside import NUMBER, WEB, Accounts, outside
from deploy.rehearsal.people import Watcher, invited_by_mail, signed_in
from deploy.rehearsal.speech import Account, script
from deploy.rehearsal.steps import SETTLE_SECONDS, Step, all_steps, chosen
from sandbox.agent.agent import agent
from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.mail import Mailbox
from sandbox.twilio.emulator import Twilio
from sandbox.twilio.phone.leg import Leg

CALLS = 10
OWNER = "owner@bilby.test"
CALL_SECONDS = 60 * 60  # they are hung up when the steps are done
BETWEEN_CALLS_SECONDS = 5.0  # each is answered before the next one comes
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
            await Members(session, found.id).add(
                email=f"agent{{number}}@bilby.test", name=f"Agent {{number}}", role="agent")
    await database.close()

asyncio.run(main())
"""


@dataclass
class Call:
    """One caller: the words of their script, and the telephone's leg."""

    name: str
    words: list[str]
    leg: Leg

    @property
    def spoken_ms(self) -> float:
        """How much of the caller's script was played, by the telephone's own clock."""
        begins = self.leg.voice.begins
        return 0.0 if begins is None else (self.leg.clock.tick() - begins) * 1000 / TICKS_PER_SECOND

    def heard(self, watcher: Watcher) -> Heard:
        """What was said and what ``watcher`` was shown of it."""
        sid = self.leg.sid
        return Heard(self.name, self.words, self.spoken_ms, watcher.lines(sid), watcher.gaps.get(sid, ()))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was done, how long it took, and what it cost in words."""

    name: str
    seconds: float
    error: str
    words: Total


async def staff(stack: AsyncExitStack, telephone: Twilio, post: Mailbox) -> None:
    """Let ten agents answer for as long as ``stack`` is open. Raise TimeoutError if one is not ready."""
    for number in range(CALLS):
        invite = invited_by_mail(post, f"agent{number}@bilby.test")
        await stack.enter_async_context(agent(f"https://{WEB}", telephone.url, invite))


async def place_calls(telephone: Twilio) -> list[Call]:
    """Ten callers who talk until they are hung up."""
    calls = []
    scripts = {name: script(name, CALL_SECONDS) for name in (f"c{number}" for number in range(CALLS))}
    for number, (name, (words, sound)) in enumerate(scripts.items()):
        leg = telephone.place_call(to=NUMBER, from_=f"+6149157{number:04d}", caller_audio=sound)
        calls.append(Call(name, words, leg))
        await asyncio.sleep(BETWEEN_CALLS_SECONDS)
    return calls


async def until_heard(calls: list[Call], watcher: Watcher, seconds: float = 120) -> None:
    """Wait until every call shows words. Raise TimeoutError if one does not."""
    async with asyncio.timeout(seconds):
        while not all(watcher.lines(call.leg.sid) for call in calls):
            await asyncio.sleep(_POLL_SECONDS)


async def perform(steps: list[Step], close: Callable[[], Total], watcher: Watcher) -> list[Row]:
    """Do one step after another; ``close`` closes the books so far. After each, ``watcher`` reloads their page."""
    rows = list[Row]()
    before = close()
    for step in steps:
        print(f"{time.strftime('%H:%M:%S')} {step.name}", flush=True)
        began = time.monotonic()
        sign_ins = watcher.sign_ins
        error = await failure_of(step.act)
        seconds = time.monotonic() - began
        await asyncio.sleep(SETTLE_SECONDS + step.recovery_seconds)
        error = error or await failure_of(watcher.reload)
        if not error and (watcher.sign_ins > sign_ins) != step.signs_out:
            error = "nobody was signed out" if step.signs_out else "people were signed out"
        if error:
            print(f"         FAILED: {error}", flush=True)
        before, words = (now := close()), now.since(before)
        print(f"         {words.said} said, {words.told} lost in gaps, {words.missing} unaccounted for", flush=True)
        rows.append(Row(step.name, seconds, error, words))
    return rows


async def failure_of(act: Callable[[], Awaitable[None]]) -> str:
    """Do it; why it failed, empty if it did not."""
    try:
        await act()
    except (StepError, TimeoutError, OSError) as failure:
        return str(failure) or type(failure).__name__
    return ""


def keep(place: Path, calls: list[Call], results: list[Account], watcher: Watcher) -> None:
    """Write down all that was shown, for whoever asks why a word is missing."""
    shown = {
        call.name: {
            "sid": call.leg.sid,
            "missing": result.missing,
            "gaps": sorted(watcher.gaps.get(call.leg.sid, ())),
            "lines": [(line.start_ms, line.end_ms, *line.words) for line in watcher.lines(call.leg.sid)],
        }
        for call, result in zip(calls, results, strict=True)
    }
    place.write_text(json.dumps(shown, indent=1))


def report(rows: list[Row], calls: list[Call], results: list[Account], watcher: Watcher) -> bool:
    """Print both tables; whether all is well."""
    print(f"\n{'step':<34}{'s':>6}{'said':>7}{'gap':>6}{'missing':>9}  outcome")
    for row in rows:
        words = f"{row.words.said:>7}{row.words.told:>6}{row.words.missing:>9}"
        print(f"{row.name:<34}{row.seconds:>6.1f}{words}  {row.error.splitlines()[0][:90] if row.error else 'done'}")
    print(f"\n{'call':<8}{'said':>7}{'seen':>7}{'gap':>7}{'missing':>9}{'twice':>7}  state")
    for call, result in zip(calls, results, strict=True):
        counts = f"{result.said:>7}{result.seen:>7}{result.told:>7}{len(result.missing):>9}{len(result.doubled):>7}"
        print(f"{call.name:<8}{counts}  {call.leg.status}")
    all_words = total(results)
    missing = [word for result in results for word in result.missing]
    print(f"\n{all_words.said} words said, {all_words.seen} seen, {all_words.told} reported as lost, ", end="")
    print(f"{all_words.missing} unaccounted for, {sum(len(result.doubled) for result in results)} shown twice")
    print(f"consoles opened by the watcher: {watcher.connections}; signed in again: {watcher.sign_ins}")
    if missing:
        print("missing:", " ".join(missing[:60]))
    ended = [call.name for call in calls if call.leg.over.is_set()]
    return all_words.said > 0 and not missing and not ended and not any(row.error for row in rows)


async def rehearse(folder: Path, image: str, next_image: str, pattern: str) -> bool:
    """Run all of it, or until SIGTERM; whether all is well."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    accounts = Accounts(folder)
    (folder / "bilby.env").write_text(accounts.env(image))
    async with AsyncExitStack() as stack:
        telephone, post = await stack.enter_async_context(outside(accounts))
        print(f"{time.strftime('%H:%M:%S')} docker compose up", flush=True)
        await compose("up", "--detach", "--wait", "--no-build")
        await ready()
        found = await compose("exec", "-T", "web", "python", "-m", "web.found", "Rehearsal", OWNER)
        await compose("exec", "-T", "web", "python", "-", stdin=_FOUND)
        link = next(word for word in found.split() if word.startswith("https://"))
        watcher = await stack.enter_async_context(signed_in(link, post, OWNER))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        watching = tasks.create_task(watcher.watch())
        try:
            await staff(stack, telephone, post)
            calls = await place_calls(telephone)
            await until_heard(calls, watcher)

            def promote(token: str) -> None:
                exchange = telephone.exchange
                exchange.settings = replace(exchange.settings, auth_token=token)

            ledger = Ledger()

            def close() -> list[Account]:
                return ledger.close([call.heard(watcher) for call in calls])

            steps = chosen(all_steps(next_image, promote), pattern)
            rows = await perform(steps, lambda: total(close()), watcher)
            await asyncio.sleep(ON_THE_WAY_MS / 1000)
            results = close()
            keep(folder / "result.json", calls, results, watcher)
            return report(rows, calls, results, watcher)
        finally:
            watching.cancel()


def main() -> int:
    """Rehearse as the command line says; the exit status."""
    folder, image, next_image, *pattern = sys.argv[1:]
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # noqa: TID251 (for the commands it runs)
    try:
        is_well = asyncio.run(rehearse(Path(folder), image, next_image, pattern[0] if pattern else ""))
    except asyncio.CancelledError:
        print("stopped before its end", flush=True)
        return 130
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
