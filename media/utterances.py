"""Results of Transcribe to utterances that keep their names, whatever becomes of a connection. Pure.

A result that is replayed over a new connection has a new ResultId; on the page it is still the same utterance. So
the first result of a channel after `restart` takes the place of that channel's unfinished one.
"""

from __future__ import annotations

from math import inf

from media.eventstream import Result
from media.ticket import Direction
from media.transcript import Speaker, Utterance


class Utterances:
    """One call's utterances, as far as naming them needs memory: the unfinished one of each channel."""

    def __init__(self, direction: Direction) -> None:
        # Inbound is what Twilio hears from the leg the stream is on: the caller's, or our agent's softphone.
        self._speakers: tuple[Speaker, Speaker] = (
            ("caller", "agent") if direction == "inbound" else ("agent", "caller")
        )
        self._unfinished: list[Utterance | None] = [None, None]
        self._result_ids: list[str | None] = [None, None]

    @property
    def all_finished(self) -> bool:
        """Whether nobody is in the middle of a sentence."""
        return self._unfinished[0] is None and self._unfinished[1] is None

    def revise(self, result: Result, start_ms: int, end_ms: int) -> Utterance:
        """What ``result`` makes of its utterance; times in ms of the call."""
        utterance = Utterance(
            id=self._name(result),
            speaker=self._speakers[result.channel],
            text=result.text,
            final=result.final,
            start_ms=start_ms,
            end_ms=end_ms,
            stable_words=result.stable_words,
        )
        self._unfinished[result.channel] = None if result.final else utterance
        self._result_ids[result.channel] = None if result.final else result.id
        return utterance

    def restart(self) -> None:
        """A new connection begins, and tells the unfinished again under other ResultIds."""
        self._result_ids = [None, None]

    def finish(self, begun_before_ms: float = inf) -> list[tuple[int, Utterance]]:
        """What is shown of these, each with its channel, is all there will be: nobody will revise them any more."""
        shown = [(channel, each) for channel, each in enumerate(self._unfinished) if each is not None]
        rest = [(channel, _finished(each)) for channel, each in shown if each.start_ms < begun_before_ms]
        for channel, _ in rest:
            self._unfinished[channel] = None
        return rest

    def _name(self, result: Result) -> str:
        shown = self._unfinished[result.channel]
        if shown is None or self._result_ids[result.channel] not in (None, result.id):
            return result.id
        return shown.id


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
