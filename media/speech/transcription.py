"""One call's transcription: opens before speech is lost, stays alive in silence, reopens and replays, ends complete.

`hear` takes chunks and never waits; `run` is the connections' life, owned by the call; `tick` is called ten times a
second by the one ticker of the process. What was said and is not settled lies on the tape, so a connection may break
at any moment: the next one is sent the rest again, faster than it was spoken but paced, and its words take the
places of the unfinished ones. A connection that grows old is relieved: its successor opens first, takes over in a
pause (or, if nobody ever pauses, by a replay), and the old one still tells its last finals.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf

import structlog

from media.live.transcript import Event, Gap, GapFound, State, StateChanged, Uttered
from media.metrics import TRANSCRIBE_FAILURES, TRANSCRIBE_OPENS
from media.quota.admission import Admission, Slot
from media.speech.ages import Ages
from media.speech.audio import CHUNK_MS, Chunk, to_pcm
from media.speech.eventstream import Result, TranscribeError
from media.speech.gaps import Stretch
from media.speech.link import Clock, Link
from media.speech.replay_buffer import KEEP_MS, OPENING_FIRST_MS, OPENING_KEEP_MS, ReplayBuffer
from media.speech.transcribe import OnEvent, Transcriber
from media.speech.utterances import Utterances
from protocol.tickets import Direction

PACE = 5  # times as fast as it was spoken is what was kept sent
SILENT_SECONDS = 5.0
SETTLED_SECONDS = 0.5  # AWS accepts the upgrade even of those whom it then refuses: not a sign of success yet
RELIEF_SLOT_SECONDS = 5.0  # to wait for a slot for a successor
RELIEF_AGAIN_SECONDS = 60.0  # after a successor could not be opened
_FAILED_AFTER = 5  # attempts in a row; then the page says failed, and trying goes on slowly

Open = Callable[[OnEvent], Awaitable[Transcriber]]
Publish = Callable[[Event], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a transcription waits for what, in seconds."""

    idle: float = 2.0
    """Without sound from Twilio, after which Transcribe gets silence of ours: it hangs up after 15 s."""
    mute: float = 15.0
    """Speech goes out and no event comes back, not even one without results: the connection is dead though open."""
    seam: float = 20.0
    """For a pause in which to change connections, and for the last finals."""
    back_off: tuple[float, float, float] = (0.1, 2.0, 10.0)
    """Between attempts: the first, the most while there is hope, the most after that."""


USUAL = Timing()


class Transcription:
    """Turns the chunks of one call into utterances, told to ``publish``."""

    def __init__(
        self,
        call: str,
        direction: Direction,
        open_: Open,
        admission: Admission,
        publish: Publish,
        began_ms: int,
        timing: Timing = USUAL,
    ) -> None:
        self.detached = False  # Twilio's socket is gone and may come back
        self._call = call
        self._open = open_
        self._admission = admission
        self._publish = publish
        self._began_ms = began_ms  # since 1970: its place in the line for a slot
        self._timing = timing
        self._now = asyncio.get_running_loop().time
        self._utterances = Utterances(direction)
        self._ages = Ages(call, publish)
        self._tape = ReplayBuffer(OPENING_KEEP_MS, OPENING_FIRST_MS)
        self._link: Link | None = None
        self._successor: Link | None = None
        self._attempts = 0
        self._finishing = False
        self._waiting = True
        self._over = False
        self._complete = False  # all that was said is settled
        self._trusted = False  # an event came on this connection
        self._heard_at = self._sent_at = self._loud_at = self._event_at = self._begun_at = self._now()
        self._heard_ms = 0

    @property
    def waiting(self) -> bool:
        """Whether it has no slot, and will not get one soon."""
        return self._waiting and self._admission.is_full

    def hear(self, chunk: Chunk) -> None:
        """Take the next 100 ms of the call."""
        self._heard_at = self._now()
        self._heard_ms = chunk.end_ms
        if chunk.loud[0] or chunk.loud[1]:
            self._loud_at = self._heard_at
        elif self._successor is not None and self._utterances.all_finished:
            self._change_over()
        if self._link is None and self._tape.is_full:
            self._finish()
        behind = self._tape.unsent_ms > 0
        self._tape.record(chunk)
        if self._link is not None and not behind:
            self._send_next(self._link)

    def hear_late(self, track: int, start_ms: int, sound: bytes) -> list[Stretch]:
        """Take sound whose chunk was heard without it; the stretches (ms of the call) for which it is too late."""
        return self._tape.lay(track, start_ms, sound)

    def finish(self) -> None:
        """No more sound will come: send what is left, then ask for the last finals. `run` returns when they came."""
        self._finishing = True
        if self._over:
            self._give_up()
        self._pump(0)

    def discard(self) -> None:
        """Forget what was heard, and tell nothing more. Cancel `run` as well, and call `hear` and `tick` no more."""
        self._publish = lambda _: None
        self._utterances.finish()
        self._tape.forget()
        self._drop_links()

    def tick(self) -> None:
        """Ten times a second: send what was kept, keep silence flowing, notice what is wrong."""
        if self._link is None:
            return
        now = self._now()
        if self._tape.unsent_ms:
            self._pump(PACE)
        elif now - max(self._heard_at, self._sent_at) >= self._timing.idle and not self._finishing:
            self._send_silence(self._link, now)
        if now - self._event_at >= self._timing.mute and not self._finishing:
            self._suspect_mute(self._link, now)
        if self._trusted or now - self._begun_at >= SETTLED_SECONDS:
            self._set_state(self._state(now))

    async def run(self) -> None:
        """Hold a connection until the call is over, or until trying cannot help."""
        try:
            async with self._admission.slot(self._began_ms) as slot:
                self._waiting = False
                while not await self._is_done(slot):
                    pass
        except TranscribeError as error:
            self._count(error)
            self._set_state("failed")
            self._tape.keep_ms = 0
        finally:
            self._over = True
            self._give_up()

    async def _is_done(self, slot: Slot) -> bool:
        """Open a connection and hold it while it lasts; True when the call's last words have come."""
        try:
            link = await self._open_link(slot)
            self._begin(link)
            try:
                await self._hold(link)
            finally:
                self._drop_links()
            self._complete = True
            return True
        except TranscribeError as error:
            self._tape.rewind()
            if error.permanent:
                raise
            self._count(error)
            await self._back_off(error)
            return False

    async def _open_link(self, slot: Slot) -> Link:
        await slot.start()
        link = Link()
        link.join(await self._open(lambda results: self._take(link, results)))
        TRANSCRIBE_OPENS.inc()
        return link

    def _begin(self, link: Link) -> None:
        """Everything that is not settled goes over ``link``, from its beginning."""
        self._finish(self._tape.begins_ms)  # these cannot be heard again from their beginning
        self._tape.rewind()
        self._tape.keep_ms, self._tape.first_ms = KEEP_MS, 0
        self._utterances.restart()
        self._tell_lost()
        self._sent_at = self._event_at = self._begun_at = self._now()
        self._link = link
        self._trusted = False
        self._pump(PACE)

    async def _hold(self, link: Link) -> None:
        """Wait until the call's last words have come, over ``link`` and those that relieve it."""
        while True:
            try:
                async with asyncio.timeout(link.lasts_seconds):
                    await link.closed()
                return
            except TimeoutError:
                link = await self._relieve(link)

    async def _relieve(self, link: Link) -> Link:
        """Open the successor of ``link``, which counts as one more stream until the old one is gone."""
        try:
            async with self._admission.slot(patience=RELIEF_SLOT_SECONDS) as spare:
                return await self._change_to(await self._open_link(spare), link)
        except TranscribeError as error:
            self._count(error)
        except TimeoutError:
            log.warning("relief waits for a slot", call=self._call)
        link.lasts_seconds = RELIEF_AGAIN_SECONDS
        return link

    async def _change_to(self, successor: Link, link: Link) -> Link:
        """The successor takes over in a pause (`_change_over`), or else by a replay."""
        self._successor = successor
        try:
            async with asyncio.timeout(self._timing.seam):
                await link.closed()  # with its last finals, once it is relieved
        except (TimeoutError, TranscribeError):
            pass
        link.abort()
        if self._successor is successor:
            self._successor = None
            self._begin(successor)
        return successor

    def _change_over(self) -> None:
        """It is quiet: from the next chunk on, the successor is spoken to."""
        if self._link is not None and self._successor is not None and not self._tape.unsent_ms:
            self._link.end()
            self._link, self._successor = self._successor, None
            self._begun_at = self._now()

    def _drop_links(self) -> None:
        for link in (self._link, self._successor):
            if link is not None:
                link.abort()
        self._link = self._successor = None

    async def _back_off(self, error: TranscribeError) -> None:
        self._attempts += 1
        first, most, hopeless = self._timing.back_off
        if self._attempts > _FAILED_AFTER:
            self._set_state("failed")
            most = hopeless
        else:
            self._set_state("waiting_for_slot" if error.kind == "LimitExceededException" else "reconnecting")
        delay = min(first * 2**self._attempts, most)
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, not a secret)

    def _pump(self, chunks: int) -> None:
        """Send up to ``chunks`` of what was kept; at the very end, say that it was all."""
        if self._link is None:
            return
        for _ in range(chunks):
            if not self._tape.unsent_ms:
                break
            self._send_next(self._link)
        if self._finishing and not self._tape.unsent_ms:
            self._link.end()

    def _send_next(self, link: Link) -> None:
        if (kept := self._tape.next()) is not None:
            chunk, tracks = kept
            link.send(to_pcm(tracks), chunk.start_ms)
            self._sent_at = self._heard_at
            self._ages.sent(chunk, self._now() - self._heard_at + (self._heard_ms - chunk.end_ms) / 1000)

    def _send_silence(self, link: Link, now: float) -> None:
        """As much silence as time has passed; it lies nowhere on the call's clock."""
        link.send_silence(min(int((now - self._sent_at) * 1000) // CHUNK_MS, 2 * PACE))
        self._sent_at = now

    def _suspect_mute(self, link: Link, now: float) -> None:
        since_ms = self._heard_ms - round((now - self._event_at) * 1000)
        self._event_at = now
        if self._tape.has_speech(since_ms):
            link.abort(TranscribeError("Mute"))

    def _take(self, link: Link, results: Sequence[Result]) -> None:
        """An event came over ``link``; one without results is a sign of life, about once a second."""
        self._event_at = self._now()
        self._attempts = 0
        if not self._trusted:
            self._trusted = True
            self._set_state(self._state(self._event_at))
        for result in results:
            self._take_result(link.clock, result)

    def _take_result(self, clock: Clock, result: Result) -> None:
        """AWS requires no time in a result: without an end it is of what was sent last."""
        shown = self._utterances.unfinished(result.channel)
        end_ms = clock.to_call(clock.sent_ms if result.end_ms is None else result.end_ms)
        start_ms = (
            (shown.start_ms if shown else end_ms) if result.start_ms is None else clock.to_call(result.start_ms)
        )
        for utterance in self._utterances.revise(result, start_ms, end_ms):
            self._tape.hear(result.channel, utterance.start_ms, utterance.end_ms, utterance.final)
            self._publish(Uttered(self._call, utterance))
        if result.final:  # also one without words: nothing was said up to there
            self._tape.hear(result.channel, start_ms, end_ms, final=True)
        age_ms = (self._event_at - self._heard_at) * 1000 + self._heard_ms - end_ms
        self._ages.note(age_ms, self._event_at, live=not self._finishing)

    def _give_up(self) -> None:
        """The end: what is shown as unfinished is all there will be, and what was never sent is a gap."""
        self._finish()
        if not self._complete:
            self._tape.rewind()
        self._tape.give_up()
        self._tell_lost()

    def _finish(self, begun_before_ms: float = inf) -> None:
        """Let the unfinished stay as they are shown: their words are settled."""
        for channel, utterance in self._utterances.finish(begun_before_ms):
            self._tape.hear(channel, utterance.start_ms, utterance.end_ms, final=True)
            self._publish(Uttered(self._call, utterance))

    def _tell_lost(self) -> None:
        for start, end in self._tape.take_lost():
            self._publish(GapFound(self._call, Gap(start, end, "transcribe")))

    def _state(self, now: float) -> State:
        if self.detached:
            return "reconnecting"
        return "silent" if now - self._loud_at >= SILENT_SECONDS else "transcribing"

    def _set_state(self, state: State) -> None:
        self._publish(StateChanged(self._call, state))

    def _count(self, error: TranscribeError) -> None:
        TRANSCRIBE_FAILURES.labels(error.kind).inc()
        log.warning("transcribe failed", call=self._call, kind=error.kind, why=error.why, permanent=error.permanent)
