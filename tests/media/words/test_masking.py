"""No protected number can be read in any utterance, however it is said, paused and revised; other numbers can."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, strategies as st

from media.live.transcript import Utterance
from media.words.masking import FORGET_MS, LEAST, LONG_PAUSE_SECONDS, PAUSE_SECONDS, Masking
from media.words.protected_numbers import SHORTEST, is_card, is_medicare_number, is_tax_file_number
from media.words.spoken_digits import scan

_NAMES = dict(
    zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
)
HALF = "4111 1111"


@dataclass
class Call:
    """One speaker's words through a masking, and what a console shows of them."""

    masking: Masking = field(default_factory=Masking)
    shown: dict[str, Utterance] = field(default_factory=dict)
    now: float = 0.0
    said: int = 0

    def partial(self, text: str, stable: int = 0) -> str:
        self._show(self.masking.revise(0, self._utterance(text, stable, final=False), self.now))
        return self.shown[f"u{self.said}"].text

    def final(self, text: str) -> str:
        self._show(self.masking.revise(0, self._utterance(text, len(text.split()), final=True), self.now))
        self.said += 1
        return self.shown[f"u{self.said - 1}"].text

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._show(self.masking.overdue(self.now))

    def end(self) -> None:
        self._show(self.masking.finish())

    @property
    def texts(self) -> list[str]:
        return [utterance.text for utterance in self.shown.values()]

    @property
    def unfinished(self) -> list[str]:
        return [name for name, utterance in self.shown.items() if not utterance.final]

    def _show(self, utterances: list[Utterance]) -> None:
        for utterance in utterances:
            known = self.shown.get(utterance.id)
            assert known is None or not known.final, "a final utterance never changes"
            self.shown[utterance.id] = utterance

    def _utterance(self, text: str, stable: int, *, final: bool) -> Utterance:
        start = self.said * 1000
        return Utterance(f"u{self.said}", "caller", text, final, start, start + 900, stable)


def _card(body: str) -> str:
    return next(body + check for check in "0123456789" if is_card(body + check))


_DIGITS = st.integers(0, 9).map(str)
_BODIES = st.integers(12, 18).flatmap(lambda n: st.lists(_DIGITS, min_size=n, max_size=n).map("".join))
_CARDS = _BODIES.filter(lambda body: body[0] not in "01").map(_card)
_TFNS = st.integers(200_000_000, 999_999_999).map(str).filter(is_tax_file_number)
_MEDICARES = st.integers(2_000_000_000, 6_999_999_999).map(str).filter(is_medicare_number)
_NUMBERS = st.one_of(_CARDS, _TFNS, _MEDICARES)


@st.composite
def _spoken(draw: st.DrawFn) -> list[list[str]]:
    """A protected number said in groups, as words or figures, with hesitation, in one utterance or several."""
    number = draw(_NUMBERS)
    utterances: list[list[str]] = [[]]
    in_words = draw(st.booleans())
    while number:
        size = draw(st.integers(1, 5)) if not in_words else 1
        group, number = number[:size], number[size:]
        utterances[-1].append(_NAMES[group] + draw(st.sampled_from(["", ","])) if in_words else group)
        if number and draw(st.integers(0, 5)) == 0:
            utterances[-1].append(draw(st.sampled_from(["um", "and then", "so,"])))
        if number and draw(st.integers(0, 4)) == 0:
            utterances.append([])
    return [" ".join(words).split() for words in utterances]


def _readable(text: str) -> int:
    """How many digits can be read in ``text``, which has no others than the number's."""
    return sum(word.strip(",") in _NAMES.values() for word in text.split()) + sum(map(str.isdigit, text))


@given(_spoken(), st.booleans())
def test_at_most_five_digits_of_a_protected_number_are_ever_readable(said: list[list[str]], framed: bool) -> None:
    """Those before a first pause; whatever is shown at any moment, and also once the call has ended."""
    call = Call()
    if framed:
        said = [["my", "number", "is:", *said[0]], *said[1:]]
    for words in said:
        for count in range(1, len(words)):
            call.partial(" ".join(words[:count]))
            assert sum(map(_readable, call.texts)) < LEAST
            call.wait(0.3)
        call.final(" ".join(words))
        assert sum(map(_readable, call.texts)) < LEAST
        call.wait(2.0)
    if framed:
        call.final("thank you very much")
    else:
        call.end()
    assert sum(map(_readable, call.texts)) < LEAST
    assert call.unfinished == []
    assert [len(text.split()) for text in call.texts][: len(said)] == [len(words) for words in said]


_OTHER = st.lists(
    st.sampled_from(
        ["hello", "please", "we", "want", "2000", "seven", "double", "oh", "12/05/2026", "$45.60", "9876"]
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


@given(st.lists(_OTHER, min_size=1, max_size=5))
def test_what_ends_without_a_protected_number_ends_readable(texts: list[str]) -> None:
    call = Call()
    for text in texts:
        call.partial(text)
        call.final(f"{text} thanks")
    call.end()
    assert call.unfinished == []
    for text, shown in zip(texts, call.texts, strict=True):
        if all(sum(len(group.digits) for group in run.groups) < SHORTEST for run in scan(text).runs):
            assert shown == f"{text} thanks"


def test_a_number_that_may_still_become_a_card_is_masked_and_shown_once_it_is_none() -> None:
    call = Call()
    assert call.partial("order 58291") == "order 58291"
    assert call.partial("order 582917") == "order ••••••"
    assert call.partial("order 58291736 please") == "order •••••••• please"
    assert call.partial("order 58291736 please", stable=3) == "order 58291736 please"
    assert call.final("order 58291736 please") == "order 58291736 please"


def test_digits_at_the_end_wait_for_what_follows() -> None:
    call = Call()
    call.final(f"my card is {HALF}")
    assert (call.texts, call.unfinished) == (["my card is •••• ••••"], ["u0"])
    call.partial("1111 11")
    assert call.texts[1] == "•••• ••"
    call.final("1111 1111")
    assert call.texts == ["my card is •••• ••••", "•••• ••••"]
    assert call.unfinished == []


def test_other_words_end_the_wait_at_once_and_a_hesitation_does_not() -> None:
    call = Call()
    call.final(f"it is {HALF}")
    call.final("um, hang on")
    assert call.unfinished == ["u0"]
    call.partial("no more")
    assert call.unfinished == ["u0", "u2"], "these words may still change"
    call.partial("no more than", stable=2)
    assert call.shown["u0"].text == f"it is {HALF}"
    assert call.shown["u0"].final
    assert call.shown["u0"].stable_words == 4


def test_silence_ends_the_wait_later_if_more_was_said() -> None:
    brief, long = Call(), Call()
    brief.final(HALF)
    long.final(f"{HALF} 1")
    for call, seconds in ((brief, PAUSE_SECONDS), (long, LONG_PAUSE_SECONDS)):
        call.wait(seconds - 0.1)
        assert call.unfinished == ["u0"]
        call.wait(0.2)
        assert call.unfinished == []
    assert (brief.texts, long.texts) == ([HALF], [f"{HALF} 1"])


def test_a_rest_that_comes_after_a_long_pause_is_masked_and_one_after_very_long_is_another_number() -> None:
    call = Call()
    call.final(HALF)
    call.wait(PAUSE_SECONDS)
    assert call.final("1111 1111") == "•••• ••••"
    call.said += FORGET_MS // 1000 + 1
    assert call.final("2345 please") == "2345 please"


def test_speakers_do_not_mix() -> None:
    masking = Masking()
    for channel, speaker in enumerate(("caller", "agent")):
        utterance = Utterance(f"u{channel}", speaker, f"{HALF} please", True, 0, 1, 3)  # type: ignore[arg-type]
        assert masking.revise(channel, utterance, 0.0) == [utterance]


def test_a_phone_number_can_be_read_while_it_is_said() -> None:
    call = Call()
    said = ["call", "me", "on", "0412", "345", "678"]
    for count in range(1, len(said) + 1):
        text = " ".join(said[:count])
        assert call.partial(text) == text
    assert call.final("call me on 0412 345 678") == "call me on 0412 345 678"
    assert call.unfinished == []


def test_a_connection_that_breaks_in_the_middle_shows_nothing_of_it() -> None:
    call = Call()
    call.final(f"{HALF} 1111")
    call.partial("1111")
    call.wait(LONG_PAUSE_SECONDS)
    assert call.texts == ["•••• •••• ••••", "••••"]


def test_who_counts_to_test_a_line_is_not_made_to_wait() -> None:
    call = Call()
    for text in ("one two three", "four five six", "seven, eight, nine", "ten eleven twelve", "13 14 15 16"):
        assert call.final(text) == text
    assert call.unfinished == []
    assert call.final("one two three four five six seven eight two") == "• • • • • • • • •"
