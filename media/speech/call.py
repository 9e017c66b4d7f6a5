"""One live call on this node: frames to audio to transcription to hub, from its first stream until its last result.

A call outlives its stream by `CallTiming.linger`: if the socket drops without a `stop`, a new stream for the call
takes over and the call's clock continues. A second stream for a call that still has one takes over as well, and the
first is closed. A ticket that says when the call ``began`` continues a call of another node: that node's transcript
comes by `media.nodes.replication`, and what lies between is a gap with the cause ``bilby``.

While the call's customer is on hold, Transcribe is sent silence in place of both tracks: neither hold music nor what
people say to themselves becomes words. The call's clock goes on, and no gap is shown for that time.

A call whose transcription was stopped on request ignores all audio, whatever streams come for it. It stays on the
page as stopped until `web` reports its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Protocol

from msgspec import structs

from media.live.holds import NOT_HELD, Hold
from media.live.transcript import (
    HELD,
    STOPPED,
    CallEnded,
    CallStarted,
    CallView,
    Event,
    Gap,
    GapFound,
    Latency,
    Phrase,
    PhraseHeard,
    State,
    StateChanged,
    Utterance,
    Uttered,
    WordsStopped,
)
from media.metrics import FRAMES, LATE_FRAMES
from media.quota.admission import Admission
from media.speech.audio import CHUNK_MS, RATE, Chunk, Timeline, silent_chunk
from media.speech.delays import Delays
from media.speech.frames import Media
from media.speech.held_time import HeldTime
from media.speech.seam import Known, Seam, overlooked
from media.speech.transcribe import Hearing
from media.speech.transcription import USUAL, Open, Timing, Transcription
from protocol.messages import (
    ENDED,
    LOST,
    PHRASE,
    STARTED,
    STREAM,
    CallEvent,
    GapReport,
    PhraseReport,
    StreamEnded,
    StreamPlace,
    StreamState,
    Subject,
)
from protocol.tickets import StreamTicket

Publish = Callable[[str, Event], object]
PhrasesIn = Callable[[Utterance], Iterable[Phrase]]  # what a final utterance fires
KnownAround = Callable[[int, int], Known]  # (when the call began, ms of its clock) to ms of its clock


class PublishStatus(Protocol):
    """Publish an event of a call, without words, for `web`."""

    def __call__(self, org: str, call: str, subject: Subject[CallEvent], event: CallEvent) -> None: ...


@dataclass(frozen=True, slots=True)
class CallTiming:
    """Times of a call, in seconds."""

    linger: float = 40.0
    """Without a stream, until the call ends: a new one is requested at once, but it may have to wait."""
    lost_again: float = 5.0
    """Between repeated reports of a lost stream to `web`: NATS may lose one."""
    last_words: float = 10.0
    """To wait for the last results of a call that is over."""
    takeover: float = 1.5
    """For the previous node's words to arrive."""
    stopped_stream: float = 5.0
    """For Twilio to end the stream of a call whose words were stopped."""
    stopped_call: float = 4 * 3600.0
    """To show such a call without a report of its end: Twilio's own limit."""


class AttachedStream(Protocol):
    """What a call needs of a stream."""

    sid: str

    def close(self, code: int, reason: str = "") -> None: ...


class Call:
    """One live call. ``publish`` takes transcript events, ``publish_status`` events without words for `web`."""

    def __init__(
        self,
        ticket: StreamTicket,
        *,
        agent: str | None,
        hearing: Hearing,
        open_: Open,
        admission: Admission,
        publish: Publish,
        publish_status: PublishStatus,
        is_known: bool = False,
        known_around: KnownAround = lambda _began_ms, _ms: Known(),
        hold: Hold = NOT_HELD,
        phrases_in: PhrasesIn = lambda _utterance: (),
        timing: Timing = USUAL,
        call_timing: CallTiming = CallTiming(),
    ) -> None:
        self.org, self.sid = ticket.org, ticket.call
        self._publish_for = publish
        self._publish_status_for = publish_status
        self._began_ms = began_ms = ticket.began or round(time.time() * 1000)
        self.attached_ms = 0  # since 1970
        self._stream: AttachedStream | None = None
        self.stream_sid = ""  # the newest stream's, also once it is lost
        self._call_timing = call_timing
        self._lost_at: float | None = None  # in seconds of time.monotonic; None: never lost, or attached again
        self._lost_reported_at = 0.0
        self._reason = "completed"
        self._over = asyncio.Event()
        self._stopped_at: float | None = None  # in seconds of time.monotonic
        self._words: asyncio.Task[None] | None = None
        self._state: State = "waiting_for_slot"
        self._moved = False
        self._moved_at_ms = inf  # ms of the call: utterances that begin later are another node's
        self.begins_ms = inf  # ms of the call: where our audio begins, if another node had the call before
        self._continues = ticket.began is not None
        self._known_around = known_around
        self._seam: Seam | None = None
        self._guess_ms: int | None = None  # where a published gap begins by a guess
        self._loud_ms = 0  # the end of the last chunk with sound
        self._timeline = Timeline()
        self._frames = 0  # since `count`
        self._delays = Delays()
        if not is_known:
            self._publish(CallStarted(_view(ticket, agent, began_ms, hearing)))
        self.transcription = Transcription(
            self.sid, ticket.on, open_, admission, self._publish, self._began_ms, hearing, timing
        )
        self._phrases_in = phrases_in
        self._hold = NOT_HELD
        self._held_time = HeldTime()
        self.set_hold(hold)

    def attach(self, stream: AttachedStream, taken_over: int) -> None:
        """Take audio from ``stream`` from now on; a stream attached before is closed with ``taken_over``."""
        before, self._stream = self._stream, stream
        self.stream_sid = stream.sid
        if before is not None:
            before.close(taken_over, "another stream took over")
        if before is not None or self._lost_at is not None:
            self._resume()
        elif self._continues:
            self._continue()
        self.transcription.detached = False
        self.attached_ms = round(time.time() * 1000)
        self._publish_status(STARTED, self.place)

    @property
    def place(self) -> StreamPlace:
        """The stream and its times, which `web` needs to start another one."""
        return StreamPlace(self.stream_sid, self._began_ms, self.attached_ms)

    @property
    def heard_until(self) -> float:
        """Until when this node has the call's audio, in seconds since 1970.

        By the audio's own clock: what waits in the socket of a busy node is lost if another node takes over.
        """
        return (self._began_ms + self._timeline.heard_ms) / 1000

    def announce_again(self) -> None:
        """Repeat where the call lives and its state, for those who missed it."""
        if not self._over.is_set():
            self._publish_status(STARTED, structs.replace(self.place, again=True))
            if self.is_stopped:  # web answers with the call's end if it missed that
                self._publish_status(ENDED, StreamEnded(STOPPED))
            else:
                self._report_state()

    def take(self, frame: Media) -> None:
        """Handle one frame of audio; the chunk that it completes is sent to Transcribe before this returns."""
        self._frames += 1
        if self._stopped_at is not None:  # not by the property: this runs for each frame
            return
        body = frame.media
        timeline = self._timeline
        track = 0 if body.track == "inbound" else 1
        if timeline.add(track, body.timestamp, body.payload, frame.sequence_number):
            while (chunk := timeline.cut()) is not None:
                self._add(chunk)

    def stopped(self, stream: AttachedStream) -> None:
        """Handle Twilio's stop: the call is over, or its stream was stopped."""
        if stream is not self._stream:
            return
        if self.is_stopped:
            self._stream = None
        else:
            self.end("completed")

    def lost(self, stream: AttachedStream) -> None:
        """Handle a lost socket. Without a stop before, another stream may come."""
        if stream is self._stream and not self._over.is_set():
            self._stream = None
            if not self.is_stopped:
                self._lost_at = time.monotonic()
                self.transcription.detached = True
                self._report_lost(self._lost_at)

    def stop_words(self) -> None:
        """Delete all words and ignore further audio, at once and for good. The call stays, as stopped."""
        if self.is_stopped or self._over.is_set():
            return
        self._stopped_at = time.monotonic()
        self.count()
        self._timeline = Timeline()
        self._seam = self._guess_ms = None
        self._lost_at = None
        self.transcription.discard()
        if self._words is not None:
            self._words.cancel()
        self._state = STOPPED
        self._publish(WordsStopped(self.sid))
        self._publish_status(ENDED, StreamEnded(STOPPED))

    def set_hold(self, hold: Hold) -> None:
        """Put the call on hold, or take it off: what is heard meanwhile is neither transcribed nor missed."""
        before, self._hold = self._hold, hold
        if before.is_held == hold.is_held or self.is_stopped:
            return
        at_ms = min(hold.at, round(time.time() * 1000)) - self._began_ms
        if hold.is_held:
            self._held_time.begin(self._timeline.now_ms if self._stream is not None else max(0, at_ms))
        else:
            self._held_time.end(max(at_ms, self._timeline.heard_ms))  # hold music may still be on its way here
        self._publish_for(self.org, self._condition())

    def _condition(self) -> StateChanged:
        """Return the state that consoles are shown: a call on hold shows no other."""
        if self._hold.is_held:
            return StateChanged(self.sid, HELD, self._hold.at)
        return StateChanged(self.sid, self._state)

    @property
    def is_stopped(self) -> bool:
        """Whether the call's transcription was stopped on request."""
        return self._stopped_at is not None

    def end(self, reason: str) -> None:
        """Take no more audio; `run` then waits for the last results."""
        if not self._over.is_set():
            self._reason = reason
            if not self.is_stopped:
                self._flush()
            self._over.set()

    def move(self, code: int, why: str, at_ms: int | None = None) -> None:
        """Give the call up to another node: finish with the last results here, and close the stream.

        ``at_ms`` (since 1970) is when that node's stream began; utterances from then on are left to that node.
        """
        if at_ms is not None:
            self._moved_at_ms = at_ms - self._began_ms
        self._moved = not self.is_stopped  # a stopped call does not continue elsewhere
        self.end("moved")
        if self._stream is not None:  # Twilio allows four tracks a call, which are two streams
            self._stream.close(code, why)

    def tick(self, now: float) -> None:
        """Check for gaps and timeouts. Called ten times a second; ``now`` in seconds of `time.monotonic`."""
        if self._stopped_at is not None:
            self._tick_stopped(now - self._stopped_at)
            return
        self._publish_gaps()
        if self._seam is not None and self._seam.is_due(now):
            self._publish_seam()
        if self._stream is None and self._lost_at is not None:
            if now - self._lost_at >= self._call_timing.linger:
                self.end("stream lost")
            elif now - self._lost_reported_at >= self._call_timing.lost_again:
                self._report_lost(now)
        self.transcription.tick()

    def count(self) -> None:
        """Update the counters of frames. Called once a second: Prometheus's locks are too slow for each frame."""
        FRAMES.inc(self._frames)
        LATE_FRAMES.inc(self._timeline.late)
        self._frames = self._timeline.late = 0

    async def run(self) -> None:
        """Run the call; return after its last result is published."""
        try:
            async with asyncio.TaskGroup() as tasks:
                words = self._words = tasks.create_task(self.transcription.run())
                await self._over.wait()
                if not self.is_stopped:
                    self.transcription.end_audio()
                patience = 0.0 if self.transcription.waiting else self._call_timing.last_words
                await asyncio.wait({words}, timeout=patience)
                words.cancel()
        finally:
            self.count()
            self._publish_seam()
            if not self._moved:
                self._publish(CallEnded(self.sid, STOPPED if self.is_stopped else self._reason))
                if not self.is_stopped:  # else it was reported when the transcription was stopped
                    self._publish_status(ENDED, StreamEnded(self._reason, delay=self._delays.delay()))

    def _tick_stopped(self, seconds: float) -> None:
        """Wait for the end of a stopped call, ``seconds`` after its transcription was stopped."""
        if self._stream is not None and seconds >= self._call_timing.stopped_stream:
            self._stream.close(1000, "words stopped")
        if seconds >= self._call_timing.stopped_call:
            self.end("completed")

    def _continue(self) -> None:
        """Continue a call of another node: its clock goes on here; its words may still be on their way."""
        offset_ms = max(0, round(time.time() * 1000) - self._began_ms)
        self._timeline = Timeline(offset_ms)
        self.begins_ms = offset_ms
        self._seam = Seam(None, offset_ms, "bilby", time.monotonic() + self._call_timing.takeover)
        self._continues = False

    def _publish_seam(self) -> None:
        """Publish a gap where a stream took over, for lost audio, a lost transcript, or a word cut in two."""
        seam, self._seam = self._seam, None
        if seam is not None:
            gap = seam.gap(self._known_around(self._began_ms, seam.to_ms))
            if gap is not None:
                self._publish(GapFound(self.sid, gap))
            if seam.from_ms is None:
                self._guess_ms = seam.to_ms if gap is None else gap.from_ms

    def correct_seam(self) -> None:
        """Publish what the gap before this node's audio lacks, once the node before says until when it heard it.

        A busy node says it late, and its last sign of life, by which the gap was guessed, was later than its audio.
        """
        guess_ms, self._guess_ms = self._guess_ms, None
        if guess_ms is None or self._over.is_set():
            return
        gap = overlooked(self._known_around(self._began_ms, guess_ms), guess_ms, "bilby")
        if gap is not None:
            self._publish(GapFound(self.sid, gap))

    def _resume(self) -> None:
        """Place a new stream, which counts from 0 again, on the call's clock, and publish the gap before it."""
        self._publish_seam()
        heard_ms = self._timeline.heard_ms
        self._flush()
        self.count()
        ends_loud = heard_ms - self._loud_ms < CHUNK_MS
        ended_ms = heard_ms if ends_loud else self._timeline.now_ms
        offset_ms = max(self._timeline.now_ms, round(time.time() * 1000) - self._began_ms)
        due = time.monotonic() + self._call_timing.takeover
        self._seam = Seam(ended_ms, offset_ms, "twilio", due, ends_loud=ends_loud)
        self._timeline = Timeline(offset_ms)
        self._lost_at = None

    def _report_lost(self, now: float) -> None:
        """Ask `web` for another stream: Twilio's own report of the loss may be lost with the proxy in between."""
        self._lost_reported_at = now
        self._publish_status(LOST, self.place)

    def _add(self, chunk: Chunk) -> None:
        if self._held_time.includes(chunk.start_ms, chunk.end_ms):
            chunk = silent_chunk(chunk.start_ms)
        loud = any(chunk.loud)
        if loud:
            self._loud_ms = chunk.end_ms
        if self._seam is not None:
            self._seam.note(loud=loud)
        self.transcription.add(chunk)

    def _flush(self) -> None:
        for chunk in self._timeline.flush():
            self._add(chunk)
        self._publish_gaps(last=True)

    def _publish_gaps(self, *, last: bool = False) -> None:
        """Add late audio to chunks that are not sent yet, and publish gaps for what is lost."""
        gaps = self._timeline.gaps
        for track, start_ms, sound in self._timeline.take_overdue():
            gaps.recover(track, start_ms, start_ms + len(sound) // RATE)
            if not self._held_time.includes(start_ms, start_ms + len(sound) // RATE):
                for missed in self.transcription.add_late(track, start_ms, sound):
                    gaps.add(track, *missed)
        if gaps:
            for start, end in gaps.take(last=last):
                self._publish(GapFound(self.sid, Gap(start, end, "twilio")))

    def _publish(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            if event.state == self._state:
                return
            self._state = event.state
            self._report_state()
            if self._hold.is_held:
                return
        if isinstance(event, GapFound):
            self._publish_gap(event.gap)
            return
        if isinstance(event, Uttered) and event.utterance.start_ms >= self._moved_at_ms:
            return
        if isinstance(event, Latency):
            self._delays.add(event.ms)
        self._publish_for(self.org, event)
        if isinstance(event, Uttered) and event.utterance.final and not self.is_stopped:
            self._publish_phrases(event.utterance)

    def _report_state(self) -> None:
        """Tell `web` the transcription's state; not that it was stopped or is held, which web knows first."""
        if self._state != STOPPED and self._state != HELD:
            self._publish_status(STREAM, StreamState(self._state))

    def _publish_phrases(self, utterance: Utterance) -> None:
        """Tell consoles which phrase rules ``utterance`` fires, and web that they did: not what was said."""
        for phrase in self._phrases_in(utterance):
            self._publish_for(self.org, PhraseHeard(self.sid, phrase))
            report = PhraseReport(phrase.rule, phrase.speaker, self._began_ms + phrase.at_ms)
            self._publish_status(PHRASE, report)

    def _publish_gap(self, gap: Gap) -> None:
        """Publish ``gap`` without the time on hold, whose words are not shown; tell web how long."""
        for start, end in self._held_time.outside(gap.from_ms, gap.to_ms):
            self._publish_for(self.org, GapFound(self.sid, Gap(start, end, gap.cause)))
            missed = GapReport(self._began_ms + start, end - start, gap.cause)
            self._publish_status(STREAM, StreamState(missed=missed))

    def _publish_status(self, subject: Subject[CallEvent], event: CallEvent) -> None:
        self._publish_status_for(self.org, self.sid, subject, event)


def _view(ticket: StreamTicket, agent: str | None, began_ms: int, hearing: Hearing) -> CallView:
    began = datetime.fromtimestamp(began_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # A continued call was answered on the other node; an outbound one still rings, though its agent is known.
    answered = ticket.began is not None or (ticket.direction == "inbound" and agent is not None)
    return CallView(
        ticket.call,
        ticket.direction,
        agent,
        began,
        state="waiting_for_slot",
        utterances=[],
        gaps=[],
        answered=answered,
        language=hearing.language,
        redacted=hearing.redacts,
    )
