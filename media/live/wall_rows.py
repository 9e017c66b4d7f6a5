"""What a wall shows of each live call: a wall row, of which only changes are sent. Pure.

A row holds what only media knows: state, delay, talk, the end of the latest words. `ChangedWallRows` collects the
calls in which something happened; every half second the hub takes what has changed since, however often it did.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, structs

from media.live.talk import Talk
from media.live.transcript import LiveCall, Phrase, Speaker, State, Utterance

TELL_SECONDS = 0.5
LONGEST_LINE = 160  # characters: of a longer utterance its end is shown
MOST_PHRASES = 3


class Latest(Struct, frozen=True):
    """The end of the utterance that came or changed last. ``end_ms``: on the call's clock."""

    speaker: Speaker
    text: str
    final: bool
    end_ms: int


class WallRow(Struct, frozen=True):
    """``latency_ms`` as in `Latency`, None before the first. ``phrases``: the newest, without cards.

    What is not set has not changed.
    """

    call: str
    state: State | UnsetType = UNSET
    held_at: int | UnsetType | None = UNSET
    latency_ms: int | UnsetType | None = UNSET
    talk: Talk | UnsetType | None = UNSET
    latest: Latest | UnsetType | None = UNSET
    phrases: list[Phrase] | UnsetType = UNSET


_PARTS = tuple(name for name in WallRow.__struct_fields__ if name != "call")


class RowsChanged(Struct, frozen=True, tag="rows"):
    rows: list[WallRow]


def wall_row(call: LiveCall) -> WallRow:
    """Return the call's whole row as it is now."""
    latest = call.latest
    shown = [phrase for phrase in call.phrases if not phrase.must_say][-MOST_PHRASES:]
    return WallRow(
        call.call,
        call.state,
        call.held_at,
        call.latency_ms,
        call.talk.sums() if call.utterances else None,
        None if latest is None else _latest(latest),
        [_without_card(phrase) for phrase in shown],
    )


def _change(before: WallRow, now: WallRow) -> WallRow:
    unchanged = [name for name in _PARTS if getattr(before, name) == getattr(now, name)]
    return structs.replace(now, **dict.fromkeys(unchanged, UNSET))


def _latest(utterance: Utterance) -> Latest:
    return Latest(utterance.speaker, utterance.text[-LONGEST_LINE:], utterance.final, utterance.end_ms)


def _without_card(phrase: Phrase) -> Phrase:
    return phrase if phrase.card is None else structs.replace(phrase, card=None)


class ChangedWallRows:
    """The calls that have changed, and the row that was last sent of each."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[str, LiveCall]] = {}  # by organisation, by call
        self._told: dict[str, WallRow] = {}  # by call

    def note(self, call: LiveCall) -> None:
        """Mark ``call`` as changed."""
        self._noted.setdefault(call.org, {})[call.call] = call

    def organisations(self) -> list[str]:
        """Return the organisations whose calls have changed."""
        return list(self._noted)

    def take(self, org: str) -> list[tuple[LiveCall, WallRow]]:
        """Return what has changed in the organisation's rows since they were last taken."""
        changes = []
        for call in self._noted.pop(org, {}).values():
            before, now = self._told.get(call.call), wall_row(call)
            if before != now:
                self._told[call.call] = now
                changes.append((call, now if before is None else _change(before, now)))
        return changes

    def forget(self, call: LiveCall) -> None:
        """Forget a call that is over."""
        self._told.pop(call.call, None)
        noted = self._noted.get(call.org, {})
        noted.pop(call.call, None)
        if not noted:
            self._noted.pop(call.org, None)
