"""The benchmark: many simulated two-track calls against one media process, and a plain bridge under the same load.

    python -m sandbox.load [--calls 300] [--seconds 20] [--no-baseline] [--workers 2]
    python -m sandbox.load --share [--calls 40]            # of the plain bridge's CPU, both at once
    python -m sandbox.load --rules 5000 [--calls 40]       # what so many phrases of rules cost a whole process
    python -m sandbox.load.matching                        # and a call by itself, without sockets
    python -m sandbox.load --soak HOURS [--calls 100]      # memory, minute by minute
    python -m sandbox.load --rows 10000000                 # call log and dashboard with so many (sandbox/load/log)

One core for the process that is measured, the other for callers, Transcribe and consoles, which run in this process
and time each other by marks in the sound and in the words. CPU is the operating system's account of the measured
process; times are from before a frame is written here to after it was read here, so they include the kernel and
this process's own lateness. Calls arrive as fast as Transcribe lets them start; their speech begins when all are
there. Everything is on loopback, and stops by itself.

On a machine that others use, CPU varies by half from minute to minute. Bilby's share of the plain bridge's CPU does
not, if both run at once on one core under the same load: that is what to compare over time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from media.quota.allocator import STARTS_PER_SECOND
from protocol.tickets import sign_console, sign_stream
from sandbox.engines.nats import NatsServer
from sandbox.load import matching, rules
from sandbox.load.callers import Caller, Line, speak_all
from sandbox.load.child import child, cpu_seconds, free_port
from sandbox.load.log import __main__ as call_log
from sandbox.load.marks import Watch, from_event
from sandbox.load.transcribe import LoadTranscribe

WARM_UP_SECONDS = 6.0
SHARE_CALLS = 40  # of each of the two processes on the one core
SHARE_WINDOWS, SHARE_SECONDS = 5, 5.0
RULES_PAIRS, RULES_SECONDS = 8, 8.0  # each side of each call has two finals in a window
RULES_SETTLE_SECONDS = 1.0
ORIGIN = "http://127.0.0.1:8080"
SECRET = secrets.token_hex(32)
TOKEN = secrets.token_hex(16)
ACCOUNT = "AC" + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured. CPU in ms for each second of each call; times in ms; memory in kB a call."""

    name: str
    cpu_ms: float
    to_transcribe: tuple[float, float]
    to_console: tuple[float, float]
    memory_kb: float
    busiest: float
    """How much of a core the busiest of the processes uses, 0 to 1."""
    chunks_lost: float


class Watching(WSListener):
    """One console, which times the words that reach it."""

    def __init__(self, ticket: str, watch: Watch) -> None:
        self._ticket = ticket
        self._watch = watch

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, f'{{"ticket":"{self._ticket}"}}')

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif (mark := from_event(frame.get_payload_as_memoryview())) is not None:
            self._watch.arrive(mark)


async def measure(name: str, pid: int, port: int, transcribe: LoadTranscribe, calls: int, seconds: float) -> Figures:
    """Place ``calls`` calls with a console each, let them speak, and read what the process ``pid`` used."""
    pids = workers_of(pid)
    empty_kb = sum(map(resident_kb, pids))
    callers = await place(calls, port, transcribe)
    await speak_all(callers, WARM_UP_SECONDS)
    transcribe.heard.measuring = transcribe.answered.measuring = True
    chunks, cpu = transcribe.chunks, [cpu_seconds(pid) for pid in pids]
    await speak_all(callers, seconds)
    used, heard = (
        [cpu_seconds(pid) - before for pid, before in zip(pids, cpu, strict=True)],
        transcribe.chunks - chunks,
    )
    memory = (sum(map(resident_kb, pids)) - empty_kb) / calls
    for caller in callers:
        caller.hang_up()
    return Figures(
        name,
        sum(used) * 1000 / (calls * seconds),
        transcribe.heard.percentiles_ms(),
        transcribe.answered.percentiles_ms(),
        memory,
        max(used) / seconds,
        1 - heard / (calls * seconds * 10),
    )


async def place(calls: int, port: int, transcribe: LoadTranscribe) -> list[Caller]:
    """Connect ``calls`` callers, silent yet, and a console for each; as fast as they may start, not faster.

    All at once, they would wait with their sound, and what that took of memory would be measured for ever after.
    """
    url = f"ws://127.0.0.1:{port}"
    callers = [Caller(_line(url, number), number, transcribe.heard) for number in range(calls)]
    for number, caller in enumerate(callers):
        await caller.connect()
        ticket = sign_console(SECRET, org="load", sub=f"m{number}", role="agent")
        await ws_connect(
            lambda ticket=ticket: Watching(ticket, transcribe.answered),
            f"{url}/console",
            extra_headers={"Origin": ORIGIN},
        )
        await asyncio.sleep(1 / STARTS_PER_SECOND)
    return callers


async def soak(calls: int, seconds: float, every: float) -> AsyncIterator[int]:
    """Hold ``calls`` calls for ``seconds``; the process's resident kB ``every`` so many seconds of it."""
    transcribe = LoadTranscribe(Watch(), Watch())
    with tempfile.TemporaryDirectory() as folder:
        async with transcribe.serving() as endpoint, bilby(endpoint, Path(folder), calls) as (pid, port):
            callers = await place(calls, port, transcribe)
            for _ in range(max(1, round(seconds / every))):
                await speak_all(callers, every)
                yield resident_kb(pid)


async def _print_soak(calls: int, hours: float) -> None:
    minute = 0
    async for resident in soak(calls, hours * 3600, 60):
        minute += 1
        print(f"{minute:5} min  {resident / 1024:8.1f} MB", flush=True)


@asynccontextmanager
async def bilby(endpoint: str, folder: Path, slots: int, workers: int = 1) -> AsyncIterator[tuple[int, int]]:
    """Run `python -m media` as in production, with a real NATS; gives pid and port."""
    async with NatsServer(folder) as nats, media(nats, endpoint, slots, workers) as (pid, port):
        yield pid, port


@asynccontextmanager
async def media(nats: NatsServer, endpoint: str, slots: int, workers: int = 1) -> AsyncIterator[tuple[int, int]]:
    """Run `python -m media` on ``nats``; gives pid and port."""
    port = free_port()
    environment = {
        "LOG_LEVEL": "WARNING",
        "NATS_URL": nats.url("media"),
        "MEDIA_HOST": "127.0.0.1",
        "MEDIA_PORT": str(port),
        "MEDIA_PUBLIC_URL": f"ws://127.0.0.1:{port}",
        "WEB_PUBLIC_URL": ORIGIN,
        "STREAM_SHARED_SECRET": SECRET,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKENS": TOKEN,
        "AWS_REGION": "ap-southeast-2",
        "AWS_ACCESS_KEY_ID": "AKIDLOAD",
        "AWS_SECRET_ACCESS_KEY": "load",
        "TRANSCRIBE_ENDPOINT": endpoint,
        "TRANSCRIBE_MAX_STREAMS": str(slots),
        "MEDIA_WORKERS": str(workers),
    }
    async with child([sys.executable, "-m", "media"], environment, port) as pid:
        yield pid, port


@asynccontextmanager
async def plain(endpoint: str) -> AsyncIterator[tuple[int, int]]:
    """Yield the bridge of sandbox/load/baseline.py; gives pid and port."""
    port = free_port()
    async with child([sys.executable, "-m", "sandbox.load.baseline", str(port), endpoint], {}, port) as pid:
        yield pid, port


async def compare(calls: int, seconds: float, *, baseline: bool, workers: int) -> list[Figures]:
    """Measure ours, ours in several processes if there are, then the plain bridge, under the same load."""
    cores = sorted(os.sched_getaffinity(0))
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted({1, workers}):
            figures.append(await _run(count, calls, seconds, Path(folder), cores))
        if baseline:
            figures.append(await _run(0, calls, seconds, Path(folder), cores))
    return figures


async def shares(calls: int, windows: int, seconds: float) -> list[float]:
    """Return Bilby's CPU as a share of the plain bridge's, both with ``calls`` calls at once: one for each window."""
    async with AsyncExitStack() as stack:
        folder = _folder(stack)
        ours = await _start(stack, 1, calls, folder)
        bridge = await _start(stack, 0, calls, folder)
        return await _ratios(stack, (ours, bridge), calls, windows, seconds)


async def cost_of_rules(phrases: int, calls: int, pairs: int, seconds: float) -> list[float]:
    """Return one process's CPU with rules as a multiple of that without: one for each pair of windows.

    The same calls in the same process, one window after the other: so whatever else the machine does, and whatever
    differs between two processes, is in both. Every other pair begins without rules.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        transcribe, nats = LoadTranscribe(Watch(), Watch()), await enter(NatsServer(_folder(stack)))
        web = await enter(rules.web(nats, phrases))
        pid, port = await enter(media(nats, await enter(transcribe.serving()), calls))
        _take_the_last_core(stack)
        callers = await place(calls, port, transcribe)
        await speak_all(callers, WARM_UP_SECONDS)
        found = []
        for number in range(pairs):
            used = {}
            for on in (number % 2 == 0, number % 2 == 1):
                await web.turn(on=on)
                await speak_all(callers, RULES_SETTLE_SECONDS)
                before = cpu_seconds(pid)
                await speak_all(callers, seconds)
                used[on] = cpu_seconds(pid) - before
            found.append(used[True] / used[False])
        return found


def _folder(stack: AsyncExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory()))


def _take_the_last_core(stack: AsyncExitStack) -> None:
    """Leave the other one to what is measured, until the stack is left."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    stack.callback(os.sched_setaffinity, 0, cores)


async def _ratios(
    stack: AsyncExitStack,
    both: tuple[tuple[int, int, LoadTranscribe], tuple[int, int, LoadTranscribe]],
    calls: int,
    windows: int,
    seconds: float,
) -> list[float]:
    """Return the first process's CPU as a multiple of the second's, with ``calls`` calls each, for each window."""
    found = []
    _take_the_last_core(stack)
    groups = [await place(calls, port, transcribe) for _, port, transcribe in both]
    callers = [caller for pair in zip(*groups, strict=True) for caller in pair]
    await speak_all(callers, WARM_UP_SECONDS)
    first, second = (pid for pid, _, _ in both)
    for _ in range(windows):
        before = cpu_seconds(first), cpu_seconds(second)
        await speak_all(callers, seconds)
        found.append((cpu_seconds(first) - before[0]) / (cpu_seconds(second) - before[1]))
    return found


async def _start(stack: AsyncExitStack, workers: int, calls: int, folder: Path) -> tuple[int, int, LoadTranscribe]:
    """Start ours in so many processes, or with none the plain bridge; gives pid, port and its own Transcribe."""
    transcribe = LoadTranscribe(Watch(), Watch())
    endpoint = await stack.enter_async_context(transcribe.serving())
    process = bilby(endpoint, folder, calls, workers) if workers else plain(endpoint)
    pid, port = await stack.enter_async_context(process)
    return pid, port, transcribe


async def _run(workers: int, calls: int, seconds: float, folder: Path, cores: list[int]) -> Figures:
    """Run ours in so many processes, or with none the plain bridge."""
    name = f"bilby, {workers} workers" if workers > 1 else "bilby" if workers else "plain websockets bridge"
    async with AsyncExitStack() as stack:
        pid, port, transcribe = await _start(stack, workers, calls, folder)
        os.sched_setaffinity(0, cores[-1:])
        try:
            return await measure(name, pid, port, transcribe, calls, seconds)
        finally:
            os.sched_setaffinity(0, cores)


def workers_of(pid: int) -> list[int]:
    """Return the processes that do the work: the children of ``pid``, or itself if it has none."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [pid]


def resident_kb(pid: int) -> int:
    """Return resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _line(url: str, number: int) -> Line:
    sid = f"CA{number:032x}"
    ticket = sign_stream(SECRET, org="load", call=sid, direction="inbound", agent=f"m{number}")
    return Line(f"{url}/twilio/stream", TOKEN, ACCOUNT, sid, ticket)


def table(figures: list[Figures], calls: int, seconds: float) -> str:
    """Return the figures as a Markdown table."""
    python = ".".join(map(str, sys.version_info[:3]))
    lines = [
        f"{calls} two-track calls for {seconds:.0f} s, one core, Python {python}",
        "",
        "| | CPU ms per call-second | frame → Transcribe p50 / p99 ms | result → console p50 / p99 ms | kB a call "
        "| calls when the busiest process fills a core |",
        "|---|---|---|---|---|---|",
    ]
    for row in figures:
        lines.append(
            f"| {row.name} | {row.cpu_ms:.2f} | {row.to_transcribe[0]:.1f} / {row.to_transcribe[1]:.1f} "
            f"| {row.to_console[0]:.1f} / {row.to_console[1]:.1f} | {row.memory_kb:.0f} "
            f"| {calls / row.busiest:.0f} |"
        )
    lost = [f"{row.name}: {row.chunks_lost:.1%} of chunks behind" for row in figures if row.chunks_lost > 0.01]
    return "\n".join(lines + lost)


def share_text(found: list[float], calls: int) -> str:
    """Return the shares in one line."""
    return (
        f"Share of the plain bridge's CPU, both at once with {calls} calls each: {statistics.median(found):.2f}"
        f" ({min(found):.2f} to {max(found):.2f} in {len(found)} windows of {SHARE_SECONDS:.0f} s)"
    )


def rules_text(found: list[float], phrases: int, calls: int) -> str:
    """Return what rules cost, in one line."""
    return (
        f"CPU with {phrases} phrases as a multiple of that without, {calls} calls, rules switched on and off: "
        f"{statistics.median(found):.3f} ({min(found):.3f} to {max(found):.3f} in {len(found)} pairs of windows "
        f"of {RULES_SECONDS:.0f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one media process under many simulated calls.")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--no-baseline", action="store_true", help="leave the plain bridge out")
    parser.add_argument("--share", action="store_true", help="measure the share of the plain bridge's CPU only")
    parser.add_argument("--rules", type=int, metavar="PHRASES", help="measure what so many phrases of rules cost")
    parser.add_argument("--workers", type=int, default=1, help="measure so many media processes as well")
    parser.add_argument("--soak", type=float, metavar="HOURS", help="hold the calls for hours and watch the memory")
    parser.add_argument("--rows", type=int, metavar="CALLS", help="measure the call log with so many calls")
    wanted = parser.parse_args()
    if wanted.rows is not None:
        call_log.show(wanted.rows)
        return
    if wanted.soak is not None:
        uvloop.run(_print_soak(wanted.calls or 100, wanted.soak))
        return
    if wanted.rules is not None:
        phrases, calls = wanted.rules, wanted.calls or SHARE_CALLS
        print(rules_text(uvloop.run(cost_of_rules(phrases, calls, RULES_PAIRS, RULES_SECONDS)), phrases, calls))
        return
    if not wanted.share:
        calls, seconds = wanted.calls or 300, wanted.seconds
        figures = uvloop.run(compare(calls, seconds, baseline=not wanted.no_baseline, workers=wanted.workers))
        print(table(figures, calls, seconds), flush=True)
    if wanted.share or not wanted.no_baseline:
        calls = wanted.calls if wanted.share and wanted.calls else SHARE_CALLS
        print(f"\n{share_text(uvloop.run(shares(calls, SHARE_WINDOWS, SHARE_SECONDS)), calls)}", flush=True)
    if not wanted.share and not wanted.no_baseline:
        print(matching.report(matching.PHRASES, matching.CALLS, matching.PAIRS))


if __name__ == "__main__":
    main()
