"""One live call on this node: frames to audio to transcription to hub, from its first stream until its last word.

A call outlives its stream by `LINGER_SECONDS`: when the socket drops without a `stop`, a new stream for the same call
takes over and the call's clock goes on. A second stream for a call that still has one takes over as well, and the
first is closed: a call has one owner. A ticket that says when the call ``began`` continues one that lived on another
node: what that node heard is told here by whoever knows it (bus.py), and what lies between is a gap of ours.

A call whose words somebody stopped hears and tells nothing more, however often a stream comes for it; it stays on the
page, as stopped, until `web` says that people have hung up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from media.live.transcript import (
    STOPPED,
    CallEnded,
    CallStarted,
    CallView,
    Event,
    Gap,
    GapFound,
    State,
    StateChanged,
    WordsStopped,
)
from media.metrics import FRAMES, LATE_FRAMES
from media.quota.admission import Admission
from media.speech.audio import RATE, Timeline
from media.speech.frames import Media
from media.speech.transcription import USUAL, Open, Timing, Transcription
from protocol.tickets import StreamTicket

LINGER_SECONDS = 40.0  # a new stream is asked for at once; where it has to wait, the words stay meanwhile
LOST_AGAIN_SECONDS = 5.0  # between two times that `web` is told of a lost stream, for NATS may lose the first
LAST_WORDS_SECONDS = 10.0
SEAM_SECONDS = 1.5  # for the words of the node before to arrive
_SEAM_MS = 100  # a shorter one is no gap
_STOPPED_STREAM_SECONDS = 5.0  # for Twilio to end the stream of a call whose words were stopped
_STOPPED_CALL_SECONDS = 4 * 3600.0  # to show such a call, if nobody tells us that it is over: Twilio's own limit

Publish = Callable[[str, Event], object]
Tell = Callable[[str, str, str, dict[str, str]], None]
KnownBefore = Callable[[int, int], int]  # (when the call began, ms of its clock) to ms of its clock


class Stream(Protocol):
    """What a call needs of a stream."""

    sid: str

    def close(self, code: int, reason: str = "") -> None: ...


class Call:
    """One live call. ``publish`` takes transcript events, ``tell`` the facts without words that `web` keeps."""

    def __init__(
        self,
        ticket: StreamTicket,
        *,
        agent: str | None,
        open_: Open,
        admission: Admission,
        publish: Publish,
        tell: Tell,
        is_known: bool = False,
        known_before: KnownBefore = lambda _began_ms, _ms: 0,
        timing: Timing = USUAL,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self.org, self.sid = ticket.org, ticket.call
        self._publish_for = publish
        self._tell_for = tell
        self._began_ms = began_ms = ticket.began or round(time.time() * 1000)
        self.attached_ms = 0  # since 1970
        self._stream: Stream | None = None
        self._stream_sid = ""  # the newest stream's, also once it is lost
        self._linger_seconds = linger_seconds
        self._lost_at = self._lost_told_at = 0.0
        self._reason = "completed"
        self._over = asyncio.Event()
        self._stopped_at: float | None = None  # in seconds of time.monotonic
        self._words: asyncio.Task[None] | None = None
        self._state: State = "waiting_for_slot"
        self._moved = False
        self._continues = ticket.began is not None
        self._known_before = known_before
        self._seam: tuple[int, float] | None = None  # where this node's hearing begins, and when to own up to it
        self._timeline = Timeline()
        self._late_told = self._frames = 0
        if not is_known:
            self._publish(CallStarted(_view(ticket, agent, began_ms)))
        self.transcription = Transcription(
            self.sid, ticket.direction, open_, admission, self._publish, self._began_ms, timing
        )

    def attach(self, stream: Stream, taken_over: int) -> None:
        """Listen to ``stream`` from now on; one that was attached is closed with ``taken_over``."""
        before, self._stream = self._stream, stream
        self._stream_sid = stream.sid
        if before is not None:
            before.close(taken_over, "another stream took over")
        if before is not None or self._lost_at:
            self._resume()
        elif self._continues:
            self._continue()
        self.transcription.detached = False
        self.attached_ms = round(time.time() * 1000)
        self._tell("started", self.place)

    @property
    def place(self) -> dict[str, str]:
        """Which stream it has since when, for `web`: what it needs to start another."""
        return {"stream": self._stream_sid, "began": str(self._began_ms), "at": str(self.attached_ms)}

    @property
    def heard_until(self) -> float:
        """Until when its sound came here, in seconds since 1970."""
        detached_for = time.monotonic() - self._lost_at if self._stream is None and self._lost_at else 0.0
        return time.time() - detached_for

    def tell_again(self) -> None:
        """Say where it lives to those who did not hear it."""
        if not self._over.is_set():
            self._tell("started", {**self.place, "again": "true"})
            if self.is_stopped:  # and whether people have hung up meanwhile, web answers
                self._tell("ended", {"reason": STOPPED})
            else:
                self._tell("stream", {"state": self._state})

    def take(self, frame: Media) -> None:
        """One frame of sound; what it completes is on its way to Transcribe when this returns."""
        self._frames += 1
        if self._stopped_at is not None:
            return
        body = frame.media
        timeline = self._timeline
        track = 0 if body.track == "inbound" else 1
        if timeline.add(track, body.timestamp, body.payload, frame.sequence_number):
            while (chunk := timeline.cut()) is not None:
                self.transcription.hear(chunk)

    def stopped(self, stream: Stream) -> None:
        """Twilio said stop: the call is over, or nobody wants it transcribed any longer."""
        if stream is not self._stream:
            return
        if self._stopped_at is None:
            self.end("completed")
        else:
            self._stream = None

    def lost(self, stream: Stream) -> None:
        """The socket is gone. Without a stop before, another may come."""
        if stream is self._stream and not self._over.is_set():
            self._stream = None
            if self._stopped_at is None:
                self._lost_at = time.monotonic()
                self.transcription.detached = True
                self._tell_lost(self._lost_at)

    def stop_words(self) -> None:
        """Forget what was said and hear nothing more, at once and for good. The call stays, as stopped."""
        if self._stopped_at is not None or self._over.is_set():
            return
        self._stopped_at = time.monotonic()
        self._timeline = Timeline()
        self._seam = None
        self._lost_at = 0.0
        self.transcription.discard()
        if self._words is not None:
            self._words.cancel()
        self._state = STOPPED
        self._publish(WordsStopped(self.sid))
        self._tell("ended", {"reason": STOPPED})

    @property
    def is_stopped(self) -> bool:
        """Whether its words were stopped."""
        return self._stopped_at is not None

    def end(self, reason: str) -> None:
        """Take no more sound; `run` sees to the last words."""
        if not self._over.is_set():
            self._reason = reason
            if self._stopped_at is None:
                self._flush()
            if self._seam is not None:
                self._tell_seam(self._seam[0])
            self._over.set()

    def move(self, code: int, why: str) -> None:
        """Another node has the call, or will have: tell the last words that were heard here; the stream is closed."""
        self._moved = not self.is_stopped  # of those, nothing goes on elsewhere
        self.end("moved")
        if self._stream is not None:  # Twilio allows a call four tracks: two streams
            self._stream.close(code, why)

    def tick(self, now: float) -> None:
        """Ten times a second. ``now`` in seconds of `time.monotonic`."""
        if self._stopped_at is not None:
            self._tick_stopped(now - self._stopped_at)
            return
        self._tell_gaps()
        if self._seam is not None and now >= self._seam[1]:
            self._tell_seam(self._seam[0])
        self._count()
        if self._stream is None and self._lost_at:
            if now - self._lost_at >= self._linger_seconds:
                self.end("stream lost")
            elif now - self._lost_told_at >= LOST_AGAIN_SECONDS:
                self._tell_lost(now)
        self.transcription.tick()

    async def run(self) -> None:
        """The call's life: returns when its last words are told and its memory can go."""
        try:
            async with asyncio.TaskGroup() as tasks:
                words = self._words = tasks.create_task(self.transcription.run())
                await self._over.wait()
                if not self.is_stopped:
                    self.transcription.finish()
                patience = 0.0 if self.transcription.waiting else LAST_WORDS_SECONDS
                await asyncio.wait({words}, timeout=patience)
                words.cancel()
        finally:
            if not self._moved:
                self._publish(CallEnded(self.sid, STOPPED if self.is_stopped else self._reason))
                if not self.is_stopped:  # else it has been told
                    self._tell("ended", {"reason": self._reason})

    def _tick_stopped(self, seconds: float) -> None:
        """``seconds`` have passed since its words were stopped."""
        self._count()
        if self._stream is not None and seconds >= _STOPPED_STREAM_SECONDS:
            self._stream.close(1000, "words stopped")
        if seconds >= _STOPPED_CALL_SECONDS:
            self.end("completed")

    def _continue(self) -> None:
        """The call lived on another node: its clock goes on here, and its words may still be on their way."""
        offset_ms = max(0, round(time.time() * 1000) - self._began_ms)
        self._timeline = Timeline(offset_ms)
        self._seam = (offset_ms, time.monotonic() + SEAM_SECONDS)
        self._continues = False

    def _tell_seam(self, to_ms: int) -> None:
        """What no node heard, or nobody who heard it can tell any more."""
        self._seam = None
        from_ms = self._known_before(self._began_ms, to_ms)
        if to_ms - from_ms >= _SEAM_MS:
            self._publish(GapFound(self.sid, Gap(from_ms, to_ms, "bilby")))

    def _resume(self) -> None:
        """A new stream counts from 0 again: lay it where the call's clock stands, and own up to the seam."""
        self._flush()
        heard_ms = self._timeline.now_ms
        offset_ms = max(heard_ms, round(time.time() * 1000) - self._began_ms)
        if offset_ms - heard_ms >= _SEAM_MS:
            self._publish(GapFound(self.sid, Gap(heard_ms, offset_ms, "twilio")))
        self._timeline = Timeline(offset_ms)
        self._late_told = 0
        self._lost_at = 0.0

    def _tell_lost(self, now: float) -> None:
        """Ask `web` for another stream: Twilio's own word of the loss may be lost with the proxy between us."""
        self._lost_told_at = now
        self._tell("lost", self.place)

    def _flush(self) -> None:
        for chunk in self._timeline.flush():
            self.transcription.hear(chunk)
        self._tell_gaps(last=True)

    def _tell_gaps(self, *, last: bool = False) -> None:
        """Lay what came late where it belongs, if that was not sent yet; own up to what is lost."""
        gaps = self._timeline.gaps
        for track, start_ms, sound in self._timeline.take_overdue():
            gaps.recover(track, start_ms, start_ms + len(sound) // RATE)
            for missed in self.transcription.hear_late(track, start_ms, sound):
                gaps.add(track, *missed)
        if gaps:
            for start, end in gaps.take(last=last):
                self._publish(GapFound(self.sid, Gap(start, end, "twilio")))

    def _count(self) -> None:
        """Counting here and not at every frame keeps Prometheus's lock off the hot path."""
        FRAMES.inc(self._frames)
        self._frames = 0
        LATE_FRAMES.inc(self._timeline.late - self._late_told)
        self._late_told = self._timeline.late

    def _publish(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            if event.state == self._state:
                return
            self._state = event.state
            self._tell("stream", {"state": event.state})
        self._publish_for(self.org, event)

    def _tell(self, fact: str, body: dict[str, str]) -> None:
        self._tell_for(self.org, self.sid, fact, body)


def _view(ticket: StreamTicket, agent: str | None, began_ms: int) -> CallView:
    began = datetime.fromtimestamp(began_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # One that continues was a conversation elsewhere; an outbound one rings, though its agent is known.
    answered = ticket.began is not None or (ticket.direction == "inbound" and agent is not None)
    facts = (ticket.call, ticket.direction, agent, began)
    return CallView(*facts, state="waiting_for_slot", utterances=[], gaps=[], answered=answered)
