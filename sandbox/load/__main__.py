"""The benchmark: many simulated two-track calls against one media process, and a plain bridge under the same load.

    python -m sandbox.load [--calls 300] [--seconds 20] [--no-baseline] [--workers 2]
    python -m sandbox.load --share [--calls 40]            # of the plain bridge's CPU, both at once
    python -m sandbox.load --soak HOURS [--calls 100]      # memory, minute by minute

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
import socket
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
from sandbox.load.callers import Caller, Line, speak_all
from sandbox.load.marks import Watch, from_event
from sandbox.load.transcribe import LoadTranscribe

WARM_UP_SECONDS = 6.0
SHARE_CALLS = 40  # of each of the two processes on the one core
SHARE_WINDOWS, SHARE_SECONDS = 5, 5.0
ORIGIN = "http://127.0.0.1:8080"
SECRET = secrets.token_hex(32)
TOKEN = secrets.token_hex(16)
ACCOUNT = "AC" + secrets.token_hex(16)
_TICKS = os.sysconf("SC_CLK_TCK")


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
    """``calls`` callers, connected and silent yet, and a console for each; as fast as they may start, not faster.

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
    """`python -m media` as in production, with a real NATS; gives pid and port."""
    port = free_port()
    async with NatsServer(folder) as nats:
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
    """The bridge of sandbox/load/baseline.py; gives pid and port."""
    port = free_port()
    async with child([sys.executable, "-m", "sandbox.load.baseline", str(port), endpoint], {}, port) as pid:
        yield pid, port


@asynccontextmanager
async def child(command: list[str], environment: dict[str, str], port: int) -> AsyncIterator[int]:
    """A process on a core of its own, listening on ``port``."""
    home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251
    process = await asyncio.create_subprocess_exec(*command, env={**home, **environment}, stdout=sys.stderr)
    try:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process.pid, cores[:1])
        await _listening(port)
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def compare(calls: int, seconds: float, *, baseline: bool, workers: int) -> list[Figures]:
    """Ours, ours in several processes if there are, then the plain bridge, under the same load."""
    cores = sorted(os.sched_getaffinity(0))
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted({1, workers}):
            figures.append(await _run(count, calls, seconds, Path(folder), cores))
        if baseline:
            figures.append(await _run(0, calls, seconds, Path(folder), cores))
    return figures


async def shares(calls: int, windows: int, seconds: float) -> list[float]:
    """Bilby's CPU as a share of the plain bridge's, both at once with ``calls`` calls each: one for each window."""
    cores, found = sorted(os.sched_getaffinity(0)), []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = await _start(stack, 1, calls, folder)
        bridge = await _start(stack, 0, calls, folder)
        os.sched_setaffinity(0, cores[-1:])
        stack.callback(os.sched_setaffinity, 0, cores)
        groups = [await place(calls, port, transcribe) for _, port, transcribe in (ours, bridge)]
        callers = [caller for both in zip(*groups, strict=True) for caller in both]
        await speak_all(callers, WARM_UP_SECONDS)
        for _ in range(windows):
            before = cpu_seconds(ours[0]), cpu_seconds(bridge[0])
            await speak_all(callers, seconds)
            found.append((cpu_seconds(ours[0]) - before[0]) / (cpu_seconds(bridge[0]) - before[1]))
    return found


async def _start(stack: AsyncExitStack, workers: int, calls: int, folder: Path) -> tuple[int, int, LoadTranscribe]:
    """Start ours in so many processes, or with none the plain bridge; gives pid, port and its own Transcribe."""
    transcribe = LoadTranscribe(Watch(), Watch())
    endpoint = await stack.enter_async_context(transcribe.serving())
    process = bilby(endpoint, folder, calls, workers) if workers else plain(endpoint)
    pid, port = await stack.enter_async_context(process)
    return pid, port, transcribe


async def _run(workers: int, calls: int, seconds: float, folder: Path, cores: list[int]) -> Figures:
    """Ours in so many processes, or with none the plain bridge."""
    name = f"bilby, {workers} workers" if workers > 1 else "bilby" if workers else "plain websockets bridge"
    async with AsyncExitStack() as stack:
        pid, port, transcribe = await _start(stack, workers, calls, folder)
        os.sched_setaffinity(0, cores[-1:])
        try:
            return await measure(name, pid, port, transcribe, calls, seconds)
        finally:
            os.sched_setaffinity(0, cores)


def workers_of(pid: int) -> list[int]:
    """The processes that do the work: the children of ``pid``, or itself if it has none."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [pid]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_kb(pid: int) -> int:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def _listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit(f"nothing listens on {port}")


def _line(url: str, number: int) -> Line:
    sid = f"CA{number:032x}"
    ticket = sign_stream(SECRET, org="load", call=sid, direction="inbound", agent=f"m{number}")
    return Line(f"{url}/twilio/stream", TOKEN, ACCOUNT, sid, ticket)


def table(figures: list[Figures], calls: int, seconds: float) -> str:
    """The figures as a Markdown table."""
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
    """The shares in one line."""
    return (
        f"Share of the plain bridge's CPU, both at once with {calls} calls each: {statistics.median(found):.2f}"
        f" ({min(found):.2f} to {max(found):.2f} in {len(found)} windows of {SHARE_SECONDS:.0f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one media process under many simulated calls.")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--no-baseline", action="store_true", help="leave the plain bridge out")
    parser.add_argument("--share", action="store_true", help="measure the share of the plain bridge's CPU only")
    parser.add_argument("--workers", type=int, default=1, help="measure so many media processes as well")
    parser.add_argument("--soak", type=float, metavar="HOURS", help="hold the calls for hours and watch the memory")
    wanted = parser.parse_args()
    if wanted.soak is not None:
        uvloop.run(_print_soak(wanted.calls or 100, wanted.soak))
        return
    if not wanted.share:
        calls, seconds = wanted.calls or 300, wanted.seconds
        figures = uvloop.run(compare(calls, seconds, baseline=not wanted.no_baseline, workers=wanted.workers))
        print(table(figures, calls, seconds), flush=True)
    if wanted.share or not wanted.no_baseline:
        calls = wanted.calls if wanted.share and wanted.calls else SHARE_CALLS
        print(f"\n{share_text(uvloop.run(shares(calls, SHARE_WINDOWS, SHARE_SECONDS)), calls)}")


if __name__ == "__main__":
    main()
