"""Recognisers that live in a process of their own (`sandbox.recognition.pipe`), seen from ours.

One process serves every channel. If it dies, its channels fail with `RecogniserError` and a new one is started for
those to come.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from sandbox.recognition.pipe import CLOSE, FEED, FINISH, LENGTH, OPEN, REQUEST
from sandbox.recognition.recogniser import RecogniserError, Result

_PROJECT = Path(__file__).parents[2]
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_RESTART_SECONDS = 0.5  # between two starts, should it keep dying
_SAMPLE = 2  # bytes
_RESULTS = msgspec.json.Decoder(list[Result])


@dataclass(frozen=True, slots=True)
class Program:
    """How a recogniser's process is started: ``python -m module arguments``; people call it ``name``."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Engine]:
    """Yield a running recogniser; raises `RecogniserError` if it cannot be started."""
    engine = Engine(await _Worker.start(program))
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(engine.keep_running(program))
        try:
            yield engine
        finally:
            keeper.cancel()
            await engine.worker.stop()


class Engine:
    """A factory of channels: call it with a rate (see `sandbox.recognition.recogniser.RecogniserFactory`)."""

    def __init__(self, worker: _Worker) -> None:
        self.worker = worker
        self.restarted = asyncio.Event()
        self._channels: set[Channel] = set()

    def __call__(self, rate: int) -> Channel:
        """Listen to one channel of ``rate`` samples a second."""
        channel = Channel(self, rate)
        self._channels.add(channel)
        return channel

    @property
    def behind(self) -> float:
        """By how many seconds the slowest channel's recognition is behind its sound, which comes in real time."""
        return max((channel.behind for channel in self._channels), default=0.0)

    async def keep_running(self, program: Program) -> None:
        """Read the process's answers; start another one whenever it is gone."""
        while True:
            await self.worker.read_answers()
            await asyncio.sleep(_RESTART_SECONDS)
            self.worker = await _Worker.start(program)
            self.restarted.set()

    def forget(self, channel: Channel) -> None:
        """Forget ``channel``, which is over."""
        self._channels.discard(channel)


class Channel:
    """One channel; see `sandbox.recognition.recogniser.Recogniser`.

    ``behind``: seconds of sound that would wait by now if it came in real time.
    """

    def __init__(self, engine: Engine, rate: int) -> None:
        self.behind = 0.0
        self._engine = engine
        self._worker = engine.worker
        self._rate = rate
        self._number = self._worker.open(rate)

    async def feed(self, pcm: bytes) -> Sequence[Result]:
        """Return what there is to say after ``pcm``. Raise `RecogniserError`."""
        now = asyncio.get_running_loop().time
        asked = now()
        results = await self._worker.ask(FEED, self._number, pcm)
        # The waiting time of a queue whose next guest comes when this one's sound is over (Lindley's recursion).
        self.behind = max(0.0, self.behind + now() - asked - len(pcm) / _SAMPLE / self._rate)
        return results

    async def finish(self) -> Sequence[Result]:
        """Return the final still owed. Raise `RecogniserError`."""
        return await self._worker.ask(FINISH, self._number)

    def close(self) -> None:
        """Free what the process keeps for the channel."""
        self._worker.tell(CLOSE, self._number)
        self._engine.forget(self)


class _Worker:
    """One run of the process. Each channel has one question open at most: a bounded queue."""

    def __init__(self, name: str, process: Process) -> None:
        self.pid = process.pid
        self._name = name
        self._process = process
        self._numbers = count()
        self._asked: deque[asyncio.Future[Sequence[Result]]] = deque()
        self._alive = True

    @classmethod
    async def start(cls, program: Program) -> _Worker:
        arguments = ("-m", program.module, *program.arguments)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=PIPE, stdout=PIPE, cwd=_PROJECT
        )
        worker = cls(program.name, process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker._read_answer()
        except (TimeoutError, asyncio.IncompleteReadError):
            await worker.stop()
            raise RecogniserError(f"{program.name} does not start") from None
        except asyncio.CancelledError:
            process.kill()
            raise
        return worker

    def open(self, rate: int) -> int:
        number = next(self._numbers)
        self.tell(OPEN, number, LENGTH.pack(rate))
        return number

    def tell(self, kind: int, channel: int, payload: bytes = b"") -> None:
        stdin = self._process.stdin
        if self._alive and stdin is not None and not stdin.is_closing():  # the pipe of a dead process closes first
            stdin.write(REQUEST.pack(len(payload), kind, channel) + payload)

    async def ask(self, kind: int, channel: int, payload: bytes = b"") -> Sequence[Result]:
        if not self._alive:
            raise RecogniserError(f"{self._name} is gone")
        answer: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self.tell(kind, channel, payload)
        return await answer

    async def read_answers(self) -> None:
        """Hand out answers until the process is gone."""
        try:
            while True:
                results = await self._read_answer()
                answer = self._asked.popleft()
                if not answer.done():  # whoever asked may have been cancelled
                    answer.set_result(results)
        except asyncio.IncompleteReadError:
            self._died()

    async def _read_answer(self) -> Sequence[Result]:
        assert self._process.stdout is not None
        (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
        return _RESULTS.decode(await self._process.stdout.readexactly(length))

    def _died(self) -> None:
        self._alive = False
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(RecogniserError(f"{self._name} died"))
        self._asked.clear()

    async def stop(self) -> None:
        """Let it end by itself, or end it."""
        self._died()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
