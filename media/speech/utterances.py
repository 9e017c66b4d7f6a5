"""Results of Transcribe to utterances that keep their names, whatever becomes of a connection. Pure.

A result that is replayed over a new connection has a new ResultId; on the page it is still the same utterance. So
the first result of a channel after `restart` takes the place of that channel's unfinished one. A channel has one
unfinished utterance: a result with another id closes it, with the words it has by then, and what is told of it later
is too late.
"""

from __future__ import annotations

import uuid
from collections import deque
from math import inf

from media.live.transcript import Speaker, Utterance
from media.speech.eventstream import Result
from protocol.tickets import Direction

_CLOSED_REMEMBERED = 16  # ids of each channel whose results come too late


class Utterances:
    """One call's utterances, as far as naming them needs memory: the unfinished one of each channel."""

    def __init__(self, direction: Direction) -> None:
        # Inbound is what Twilio hears from the leg the stream is on: the caller's, or our agent's softphone.
        self._speakers: tuple[Speaker, Speaker] = (
            ("caller", "agent") if direction == "inbound" else ("agent", "caller")
        )
        self._unfinished: list[Utterance | None] = [None, None]
        self._result_ids: list[str | None] = [None, None]
        self._closed: tuple[deque[str], deque[str]] = (
            deque(maxlen=_CLOSED_REMEMBERED),
            deque(maxlen=_CLOSED_REMEMBERED),
        )

    @property
    def all_finished(self) -> bool:
        """Whether nobody is in the middle of a sentence."""
        return self._unfinished[0] is None and self._unfinished[1] is None

    def unfinished(self, channel: int) -> Utterance | None:
        """What is being said on ``channel``."""
        return self._unfinished[channel]

    def revise(self, result: Result, start_ms: int, end_ms: int) -> list[Utterance]:
        """What ``result`` changes, in order: an utterance that it closes, then its own; times in ms of the call.

        A result without words changes nothing, but a final one ends what is shown, as it is shown.
        """
        channel = result.channel
        if result.id and result.id in self._closed[channel]:
            return []
        changed = []
        if self._is_another(result):
            changed += self._close(channel)
        if result.text:
            changed.append(self._utterance(result, start_ms, end_ms))
        elif result.final:
            changed += self._close(channel)
        if result.final:
            self._forget(channel, result.id)
        elif result.text:
            self._unfinished[channel], self._result_ids[channel] = changed[-1], result.id
        return changed

    def restart(self) -> None:
        """A new connection begins, and tells the unfinished again under other ResultIds."""
        self._result_ids = [None, None]
        for closed in self._closed:
            closed.clear()

    def finish(self, begun_before_ms: float = inf) -> list[tuple[int, Utterance]]:
        """What is shown of these, each with its channel, is all there will be: nobody will revise them any more."""
        shown = [(channel, each) for channel, each in enumerate(self._unfinished) if each is not None]
        due = [channel for channel, each in shown if each.start_ms < begun_before_ms]
        return [(channel, finished) for channel in due for finished in self._close(channel)]

    def _is_another(self, result: Result) -> bool:
        """Whether ``result`` is of another stretch of speech than what its channel shows as unfinished."""
        known = self._result_ids[result.channel]
        return bool(known and result.id and result.id != known)

    def _close(self, channel: int) -> list[Utterance]:
        """End what ``channel`` shows, with the words it has."""
        shown, known = self._unfinished[channel], self._result_ids[channel]
        self._forget(channel, known)
        return [] if shown is None else [_finished(shown)]

    def _forget(self, channel: int, result_id: str | None) -> None:
        self._unfinished[channel] = self._result_ids[channel] = None
        if result_id:
            self._closed[channel].append(result_id)

    def _utterance(self, result: Result, start_ms: int, end_ms: int) -> Utterance:
        shown = self._unfinished[result.channel]
        return Utterance(
            id=shown.id if shown is not None else result.id or uuid.uuid4().hex,
            speaker=self._speakers[result.channel],
            text=result.text,
            final=result.final,
            start_ms=start_ms,
            end_ms=end_ms,
            stable_words=result.stable_words,
        )


def _finished(utterance: Utterance) -> Utterance:
    return Utterance(
        utterance.id,
        utterance.speaker,
        utterance.text,
        True,
        utterance.start_ms,
        utterance.end_ms,
        len(utterance.text.split()),
    )
