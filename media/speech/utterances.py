"""Turn Transcribe's results into utterances whose ids stay the same over reconnections. Pure.

A result that is replayed on a new connection has a new ResultId, but on the page it is the same utterance. So the
first result of a channel after `restart` replaces that channel's unfinished utterance. A channel has one unfinished
utterance: a result with another id closes it with its current words, and later results for it are ignored.
"""

from __future__ import annotations

import uuid
from collections import deque
from math import inf

from media.live.transcript import Speaker, Utterance
from media.speech.eventstream import Result
from media.words.redaction import covered
from protocol.tickets import StreamLeg

_CLOSED_REMEMBERED = 16  # ids of each channel whose further results are ignored


class Utterances:
    """One call's unfinished utterances, one for each channel.

    ``redacts``: only what Transcribe itself ended may be read, so what is finished without it is covered.
    """

    def __init__(self, on: StreamLeg, *, redacts: bool = False) -> None:
        self._redacts = redacts
        # Twilio's inbound track comes from the leg that the stream is on: the customer's, or our agent's softphone.
        self._speakers: tuple[Speaker, Speaker] = ("caller", "agent") if on == "customer" else ("agent", "caller")
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
        """Return the unfinished utterance of ``channel``."""
        return self._unfinished[channel]

    def revise(self, result: Result, start_ms: int, end_ms: int) -> list[Utterance]:
        """Return what ``result`` changes, in order.

        An utterance that it closes, then its own. Times in ms of the call.

        A result without words changes nothing, but a final one finishes the unfinished utterance as it is.
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
        """Prepare for a new connection, which repeats the unfinished utterances under other ResultIds."""
        self._result_ids = [None, None]
        for closed in self._closed:
            closed.clear()

    def freeze(self, begun_before_ms: float = inf) -> list[tuple[int, Utterance]]:
        """Finish those that began before ``begun_before_ms`` as they are. Return each with its channel."""
        shown = [(channel, each) for channel, each in enumerate(self._unfinished) if each is not None]
        due = [channel for channel, each in shown if each.start_ms < begun_before_ms]
        return [(channel, finished) for channel in due for finished in self._close(channel)]

    def _is_another(self, result: Result) -> bool:
        """Return whether ``result`` is of another stretch of speech than its channel's unfinished utterance."""
        known = self._result_ids[result.channel]
        return bool(known and result.id and result.id != known)

    def _close(self, channel: int) -> list[Utterance]:
        """Finish the utterance of ``channel`` with its current words."""
        shown, known = self._unfinished[channel], self._result_ids[channel]
        self._forget(channel, known)
        if shown is None:
            return []
        return [_finished(covered(shown) if self._redacts else shown)]

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
