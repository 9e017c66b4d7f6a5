"""Which of a call's earlier utterances a phrase may begin in."""

from __future__ import annotations

import pytest

from media.live.transcript import Speaker, Utterance
from media.words.phrases import GOES_ON_MS, heard, said_before
from protocol.phrases import PhraseRule, PhraseRules

RULES = PhraseRules([PhraseRule("r", "Told", ("shown as text",))])


def said(id_: str, text: str, end_ms: int, speaker: Speaker = "agent", *, final: bool = True) -> Utterance:
    return Utterance(id_, speaker, text, final, end_ms - 1000, end_ms, 0)


NOW = said("now", "as text", 20_000)
BEFORE = said("before", "it is shown", 18_000)


@pytest.mark.parametrize(
    ("newest_first", "fires"),
    [
        ([NOW, BEFORE], True),
        ([NOW, said("other", "uh-huh", 18_900, "caller"), BEFORE], True),
        ([NOW, said("last", "uh", 18_900), BEFORE], False),
        ([NOW, said("before", "it is shown", NOW.start_ms - GOES_ON_MS - 1)], False),
        ([NOW, said("before", "it is shown", 18_000, final=False)], False),
        ([NOW], False),
        ([], False),
    ],
)
def test_a_phrase_goes_on_from_the_speakers_own_last_utterance(newest_first: list[Utterance], fires: bool) -> None:
    assert bool(heard(RULES, NOW, [], said_before(NOW, newest_first))) is fires
