"""Transcribe one call: open before speech is lost, keep alive in silence, reconnect and replay, end complete.

`add` takes chunks and never waits. `run` owns the connections and is awaited by the call. `tick` is called ten times
a second by the process's one ticker. Audio without a final result stays in the replay buffer, so a connection may
break at any time: the next one gets the rest again, paced but faster than real time, and its results replace the
unfinished utterances. A connection near its maximum age rolls over: a standby connection opens first and takes over
in a pause (or, if there is none, by a replay), while the old one still returns its last final results.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf

import structlog

from media.live.transcript import Event, Gap, GapFound, Latency, State, StateChanged, Utterance, Uttered
from media.metrics import CHUNK_LATENCY, RESULT_LATENCY, TRANSCRIBE_FAILURES, TRANSCRIBE_OPENS
from media.quota.admission import Admission, Slot
from media.speech.audio import CHUNK_MS, Chunk, silent_chunk, to_pcm
from media.speech.clock import CallClock
from media.speech.eventstream import Result, TranscribeError
from media.speech.gaps import Stretch
from media.speech.replay_buffer import KEEP_MS, ReplayBuffer
from media.speech.transcribe import Connection, Hearing, OnEvent
from media.speech.utterances import Utterances
from media.words.masking import Masking
from media.words.redaction import covered
from protocol.tickets import StreamLeg

PACE = 5  # times real time, for replayed audio
_SAMPLED_MS = 1000  # measure one chunk of so much audio
_SILENCE = to_pcm(silent_chunk(0).tracks)
_FAILED_AFTER = 5  # attempts in a row; then the page shows failed, and attempts continue slowly

Open = Callable[[OnEvent, Hearing], Awaitable[Connection]]
Publish = Callable[[Event], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """Timeouts of a transcription in seconds, and lengths of audio in ms."""

    idle: float = 2.0
    """Without audio from Twilio, until Transcribe gets silence from us: it closes after 15 s without audio."""
    mute: float = 15.0
    """Without any event while speech is sent: the connection is dead though open."""
    overlap: float = 20.0
    """To wait for a pause in which to switch connections, and for the last final results."""
    back_off: tuple[float, float, float] = (0.1, 2.0, 10.0)
    """Between attempts: the first, the longest until `_FAILED_AFTER`, the longest after that."""
    silent: float = 5.0
    """Without sound, until the call's state is silent."""
    accepted: float = 0.5
    """Until an open socket is a success: AWS accepts the upgrade before it refuses a stream."""
    standby_slot: float = 5.0
    """To wait for the standby connection's slot."""
    standby_retry: float = 60.0
    """After a standby connection could not be opened."""
    latency: float = 1.0
    """Between two latency events of a call, at least."""
    opening_keep_ms: int = 10_000
    """Of audio kept, at most, by a call that waits for its first connection."""
    opening_first_ms: int = 5_000
    """Of that audio, so much is the call's beginning."""


USUAL = Timing()


@dataclass(eq=False, slots=True)
class _Link:
    """One connection to Transcribe, with its time mapped to the call's."""

    clock: CallClock = field(default_factory=CallClock)
    connection: Connection | None = None
    lasts_seconds: float = 0.0

    def join(self, connection: Connection) -> None:
        """Use ``connection``, which is open."""
        self.connection, self.lasts_seconds = connection, connection.lasts_seconds

    def send_silence(self, chunks: int) -> None:
        """Send silence, which is not part of the call."""
        for _ in range(chunks):
            self.send(_SILENCE, None)

    def send(self, pcm: bytes, call_ms: int | None) -> None:
        if self.connection is not None:
            self.clock.advance(call_ms)
            self.connection.send(pcm)

    def end(self) -> None:
        if self.connection is not None:
            self.connection.end()

    def abort(self, why: TranscribeError | None = None) -> None:
        if self.connection is not None:
            self.connection.abort(why)

    async def closed(self) -> None:
        assert self.connection is not None
        await self.connection.closed()


class _LatencyReport:
    """Measure a call's latency: samples, since Prometheus's locks cost more than a tenth of handling a result.

    What results tell is measured and published once in ``seconds`` at most.
    """

    def __init__(self, call: str, publish: Callable[[Event], None], seconds: float) -> None:
        self._call = call
        self._publish = publish
        self._seconds = seconds
        self._published_at = 0.0

    def chunk_sent(self, chunk: Chunk, age_seconds: float) -> None:
        """Note that ``chunk`` was sent to Transcribe, so long after its audio arrived."""
        if not chunk.start_ms % _SAMPLED_MS:
            CHUNK_LATENCY.observe(age_seconds)

    def results_arrived(self, age_ms: float, now: float, *, live: bool) -> None:
        """Note that results arrived at ``now`` for audio of that age; ``live`` is false once the call has ended."""
        if now - self._published_at < self._seconds:
            return
        self._published_at = now
        if age_ms >= 0 and live:
            RESULT_LATENCY.observe(age_ms / 1000)
        self._publish(Latency(self._call, max(0, round(age_ms))))


class Phase(Enum):
    """How far a call's transcription is."""

    WAITING = auto()
    """For a slot."""
    OPENING = auto()
    """It has a slot and no connection: it opens one, or backs off before the next attempt."""
    UNPROVEN = auto()
    """Its connection is open, but Transcribe has sent nothing on it yet: AWS may still refuse the stream."""
    LIVE = auto()
    ROLLING_OVER = auto()
    """Live, and a standby connection waits for a pause to take over."""
    COMPLETE = auto()
    """All audio has its final results. Nothing follows."""
    ABANDONED = auto()
    """It was cancelled, or failed in a way that a retry cannot help. Nothing follows."""


_UNPROVEN = Phase.UNPROVEN  # for the hot path: Python 3.11 takes about 0.2 µs to find an enum's member


class Transcription:
    """Turn the chunks of one call into utterances, passed to ``publish``."""

    def __init__(
        self,
        call: str,
        on: StreamLeg,
        open_: Open,
        admission: Admission,
        publish: Publish,
        began_ms: int,
        hearing: Hearing,
        timing: Timing = USUAL,
    ) -> None:
        self.detached = False  # Twilio's socket is lost; another may come
        self._call = call
        self._open = open_
        self._admission = admission
        self._publish = publish
        self._began_ms = began_ms  # since 1970: its place in the queue for a slot
        self._timing = timing
        self._now = asyncio.get_running_loop().time
        self._hearing = hearing
        self._utterances = Utterances(on, redacts=hearing.redacts)
        self._masking = Masking()
        self._latency = _LatencyReport(call, publish, timing.latency)
        self._replay_buffer = ReplayBuffer(timing.opening_keep_ms, timing.opening_first_ms)
        self._link: _Link | None = None
        self._standby: _Link | None = None
        self._phase = Phase.WAITING
        self._audio_ended = False  # in whatever phase: what is kept is still sent
        self._attempts = 0
        self._heard_at = self._sent_at = self._loud_at = self._event_at = self._begun_at = self._now()
        self._heard_ms = 0

    @property
    def waiting(self) -> bool:
        """Whether the call has no slot and will not get one soon."""
        return self._phase is Phase.WAITING and self._admission.is_full

    def add(self, chunk: Chunk) -> None:
        """Add the next 100 ms of the call."""
        self._heard_at = self._now()
        self._heard_ms = chunk.end_ms
        if chunk.loud[0] or chunk.loud[1]:
            self._loud_at = self._heard_at
        elif self._standby is not None and self._utterances.all_finished:
            self._switch_in_pause()
        if self._link is None and self._replay_buffer.is_full:
            self._freeze_utterances()
        behind = self._replay_buffer.unsent_ms > 0
        self._replay_buffer.record(chunk)
        if self._link is not None and not behind:
            self._send_next(self._link)

    def add_late(self, track: int, start_ms: int, sound: bytes) -> list[Stretch]:
        """Add audio that arrived after its chunk. Return the stretches (ms of the call) for which it is too late."""
        return self._replay_buffer.add_late(track, start_ms, sound)

    def end_audio(self) -> None:
        """Send the rest, then ask for the last final results. `run` returns when they have arrived."""
        self._audio_ended = True
        if self._phase in (Phase.COMPLETE, Phase.ABANDONED):
            self._publish_rest()
        self._pump(0)

    def discard(self) -> None:
        """Forget all audio and publish nothing more. Also cancel `run`, and call neither `add` nor `tick` again."""
        self._publish = lambda _: None
        self._utterances.freeze()
        self._replay_buffer.clear()
        self._abort_links()

    def tick(self) -> None:
        """Send buffered audio, send silence, and check the connection. Called ten times a second."""
        now = self._now()
        self._publish_masked(self._masking.overdue(now))
        if self._link is None:
            return
        if self._replay_buffer.unsent_ms:
            self._pump(PACE)
        elif now - max(self._heard_at, self._sent_at) >= self._timing.idle and not self._audio_ended:
            self._send_silence(self._link, now)
        if now - self._event_at >= self._timing.mute and not self._audio_ended:
            self._check_mute(self._link, now)
        if self._phase is _UNPROVEN:
            if now - self._begun_at < self._timing.accepted:
                return
            self._phase = Phase.LIVE
        self._set_state(self._state(now))

    async def run(self) -> None:
        """Keep a connection until the call is over, or until an error that a retry cannot help."""
        try:
            async with self._admission.slot(self._began_ms) as slot:
                self._phase = Phase.OPENING
                while not await self._is_done(slot):
                    pass
        except TranscribeError as error:
            self._count(error)
            self._set_state("failed")
            self._replay_buffer.keep_ms = 0
        finally:
            if self._phase is not Phase.COMPLETE:
                self._phase = Phase.ABANDONED
            self._publish_rest()

    async def _is_done(self, slot: Slot) -> bool:
        """Open a connection and use it until it ends. Return True when the call's last results have arrived."""
        try:
            link = await self._open_link(slot)
            self._begin(link)
            try:
                await self._run_connections(link)
            finally:
                self._abort_links()
                self._phase = Phase.OPENING
            self._phase = Phase.COMPLETE
            return True
        except TranscribeError as error:
            self._replay_buffer.rewind()
            if self._hearing.vocabulary is not None and error.concerns_vocabulary:
                self._count(error)
                self._hearing = replace(self._hearing, vocabulary=None)  # words without it rather than none
                return False
            if not error.retryable:
                raise
            self._count(error)
            await self._back_off(error)
            return False

    async def _open_link(self, slot: Slot) -> _Link:
        await slot.start()
        link = _Link()
        link.join(await self._open(lambda results: self._on_results(link, results), self._hearing))
        TRANSCRIBE_OPENS.inc()
        return link

    def _begin(self, link: _Link) -> None:
        """Use ``link`` from now on, and send it all audio without a final result."""
        self._freeze_utterances(self._replay_buffer.begins_ms)  # their beginning is no longer in the buffer
        self._replay_buffer.rewind()
        self._replay_buffer.keep_ms, self._replay_buffer.first_ms = KEEP_MS, 0
        self._utterances.restart()
        self._publish_lost()
        self._sent_at = self._event_at = self._begun_at = self._now()
        self._link, self._phase = link, Phase.UNPROVEN
        self._pump(PACE)

    async def _run_connections(self, link: _Link) -> None:
        """Wait for the call's last results, over ``link`` and the connections that replace it."""
        while True:
            try:
                async with asyncio.timeout(link.lasts_seconds):
                    await link.closed()
                return
            except TimeoutError:
                link = await self._roll_over(link)

    async def _roll_over(self, link: _Link) -> _Link:
        """Open a standby connection; it counts as one more stream until the old one is closed."""
        try:
            async with self._admission.slot(patience=self._timing.standby_slot) as spare:
                return await self._switch_to(await self._open_link(spare), link)
        except TranscribeError as error:
            self._count(error)
        except TimeoutError:
            log.warning("no slot to replace an old connection, keeping it", call=self._call)
        link.lasts_seconds = self._timing.standby_retry
        return link

    async def _switch_to(self, standby: _Link, link: _Link) -> _Link:
        """Switch to the standby in a pause (`_switch_in_pause`), or after `Timing.overlap` by a replay."""
        self._standby, self._phase = standby, Phase.ROLLING_OVER
        try:
            async with asyncio.timeout(self._timing.overlap):
                await link.closed()  # after the switch, with its last final results
        except (TimeoutError, TranscribeError):
            pass
        link.abort()
        if self._standby is standby:
            self._standby = None
            self._begin(standby)
        return standby

    def _switch_in_pause(self) -> None:
        """Send the standby connection the audio from the next chunk on: nobody is speaking."""
        if self._link is not None and self._standby is not None and not self._replay_buffer.unsent_ms:
            self._link.end()
            self._link, self._standby, self._phase = self._standby, None, Phase.LIVE

    def _abort_links(self) -> None:
        for link in (self._link, self._standby):
            if link is not None:
                link.abort()
        self._link = self._standby = None

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
        """Send up to ``chunks`` from the buffer; after the very last, end the stream."""
        if self._link is None:
            return
        for _ in range(chunks):
            if not self._replay_buffer.unsent_ms:
                break
            self._send_next(self._link)
        if self._audio_ended and not self._replay_buffer.unsent_ms:
            self._link.end()

    def _send_next(self, link: _Link) -> None:
        if (kept := self._replay_buffer.next()) is not None:
            chunk, tracks = kept
            link.send(to_pcm(tracks), chunk.start_ms)
            self._sent_at = self._heard_at
            self._latency.chunk_sent(chunk, self._now() - self._heard_at + (self._heard_ms - chunk.end_ms) / 1000)

    def _send_silence(self, link: _Link, now: float) -> None:
        """Send as much silence as time has passed; it is not part of the call."""
        link.send_silence(min(int((now - self._sent_at) * 1000) // CHUNK_MS, 2 * PACE))
        self._sent_at = now

    def _check_mute(self, link: _Link, now: float) -> None:
        since_ms = self._heard_ms - round((now - self._event_at) * 1000)
        self._event_at = now
        if self._replay_buffer.has_speech(since_ms):
            link.abort(TranscribeError("Mute"))

    def _on_results(self, link: _Link, results: Sequence[Result]) -> None:
        """Handle an event of ``link``; one without results is a keep-alive, about once a second."""
        self._event_at = self._now()
        self._attempts = 0
        if self._phase is _UNPROVEN:
            self._phase = Phase.LIVE
            self._set_state(self._state(self._event_at))
        for result in results:
            self._on_result(link.clock, result)

    def _on_result(self, clock: CallClock, result: Result) -> None:
        """Publish a result. AWS requires no time in it: without an end, it is of what was sent last."""
        shown = self._utterances.unfinished(result.channel)
        end_ms = clock.to_call(clock.sent_ms if result.end_ms is None else result.end_ms)
        start_ms = (
            (shown.start_ms if shown else end_ms) if result.start_ms is None else clock.to_call(result.start_ms)
        )
        for utterance in self._utterances.revise(result, start_ms, end_ms):
            self._replay_buffer.on_result(result.channel, utterance.start_ms, utterance.end_ms, utterance.final)
            self._publish_masked(self._masking.revise(result.channel, utterance, self._event_at))
        if result.final:  # also one without words: it acknowledges the audio up to its end
            self._replay_buffer.on_result(result.channel, start_ms, end_ms, final=True)
        age_ms = (self._event_at - self._heard_at) * 1000 + self._heard_ms - end_ms
        self._latency.results_arrived(age_ms, self._event_at, live=not self._audio_ended)

    def _publish_rest(self) -> None:
        """Publish what is unfinished as it is shown, and a gap for what was never sent."""
        self._freeze_utterances()
        self._publish_masked(self._masking.finish())
        if self._phase is not Phase.COMPLETE:
            self._replay_buffer.rewind()
        self._replay_buffer.close()
        self._publish_lost()

    def _freeze_utterances(self, begun_before_ms: float = inf) -> None:
        """Publish unfinished utterances as final with their current text, and mark their audio as acknowledged."""
        for channel, utterance in self._utterances.freeze(begun_before_ms):
            self._replay_buffer.on_result(channel, utterance.start_ms, utterance.end_ms, final=True)
            self._publish_masked(self._masking.revise(channel, utterance, self._now()))

    def _publish_masked(self, utterances: Sequence[Utterance]) -> None:
        for utterance in utterances:
            is_raw = self._hearing.redacts and not utterance.final  # Transcribe redacts final results only
            self._publish(Uttered(self._call, covered(utterance) if is_raw else utterance))

    def _publish_lost(self) -> None:
        for start, end in self._replay_buffer.take_lost():
            self._publish(GapFound(self._call, Gap(start, end, "transcribe")))

    def _state(self, now: float) -> State:
        if self.detached:
            return "reconnecting"
        return "silent" if now - self._loud_at >= self._timing.silent else "transcribing"

    def _set_state(self, state: State) -> None:
        self._publish(StateChanged(self._call, state))

    def _count(self, error: TranscribeError) -> None:
        TRANSCRIBE_FAILURES.labels(error.kind).inc()
        log.warning(
            "Transcribe connection failed", call=self._call, kind=error.kind, why=error.why, retryable=error.retryable
        )
