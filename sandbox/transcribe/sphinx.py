"""Real recognition of the bundled demo call, by pocketsphinx in a process of its own.

Good for the demo call (6 % of its words come out wrong), poor for anybody else on a telephone: words it does
not know it cannot hear, and an utterance that is mostly guesses becomes ``[unclear]``. One process serves
every channel, about forty of them at once on a core. If it dies, its channels fail with `RecogniserError` and
a new one is started for those to come.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec

from sandbox import demo
from sandbox.transcribe.recogniser import RecogniserError, Result
from sandbox.transcribe.sphinx_worker import CLOSE, FEED, FINISH, LENGTH, OPEN, REQUEST

_PROJECT = Path(__file__).parents[2]
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_RESTART_SECONDS = 0.5  # between two starts, should it keep dying
_RESULTS = msgspec.json.Decoder(list[Result])


@asynccontextmanager
async def sphinx(language: Path = demo.LANGUAGE, dictionary: Path = demo.DICTIONARY) -> AsyncIterator[Sphinx]:
    """A running recogniser; raises `RecogniserError` if it cannot be started."""
    engine = Sphinx(await _Worker.start(language, dictionary))
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(engine.keep_running(language, dictionary))
        try:
            yield engine
        finally:
            keeper.cancel()
            await engine.worker.stop()


class Sphinx:
    """A factory of channels: call it with a rate (see `sandbox.transcribe.recogniser.RecogniserFactory`)."""

    def __init__(self, worker: _Worker) -> None:
        self.worker = worker
        self.restarted = asyncio.Event()

    def __call__(self, rate: int) -> Channel:
        """Listen to one channel of ``rate`` samples a second."""
        return Channel(self.worker, rate)

    async def keep_running(self, language: Path, dictionary: Path) -> None:
        """Read the process's answers; start another one whenever it is gone."""
        while True:
            await self.worker.read_answers()
            await asyncio.sleep(_RESTART_SECONDS)
            self.worker = await _Worker.start(language, dictionary)
            self.restarted.set()


class Channel:
    """One channel; see `sandbox.transcribe.recogniser.Recogniser`."""

    def __init__(self, worker: _Worker, rate: int) -> None:
        self._worker = worker
        self._number = worker.open(rate)

    async def feed(self, pcm: bytes) -> Sequence[Result]:
        """What there is to say after ``pcm``. Raises `RecogniserError`."""
        return await self._worker.ask(FEED, self._number, pcm)

    async def finish(self) -> Sequence[Result]:
        """The final still owed. Raises `RecogniserError`."""
        return await self._worker.ask(FINISH, self._number)

    def close(self) -> None:
        """Free the channel's decoder."""
        self._worker.tell(CLOSE, self._number)


class _Worker:
    """One run of `sandbox.transcribe.sphinx_worker`. Each channel has one question open at most: a bounded queue."""

    def __init__(self, process: Process) -> None:
        self.pid = process.pid
        self._process = process
        self._numbers = count()
        self._asked: deque[asyncio.Future[Sequence[Result]]] = deque()
        self._alive = True

    @classmethod
    async def start(cls, language: Path, dictionary: Path) -> _Worker:
        arguments = ("-m", "sandbox.transcribe.sphinx_worker", str(language), str(dictionary))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=PIPE, stdout=PIPE, cwd=_PROJECT
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker._read_answer()
        except (TimeoutError, asyncio.IncompleteReadError):
            await worker.stop()
            raise RecogniserError("pocketsphinx does not start") from None
        except asyncio.CancelledError:
            process.kill()
            raise
        return worker

    def open(self, rate: int) -> int:
        number = next(self._numbers)
        self.tell(OPEN, number, LENGTH.pack(rate))
        return number

    def tell(self, kind: int, channel: int, payload: bytes = b"") -> None:
        if self._alive and self._process.stdin is not None:
            self._process.stdin.write(REQUEST.pack(len(payload), kind, channel) + payload)

    async def ask(self, kind: int, channel: int, payload: bytes = b"") -> Sequence[Result]:
        if not self._alive:
            raise RecogniserError("pocketsphinx is gone")
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
                answer.set_exception(RecogniserError("pocketsphinx died"))
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
