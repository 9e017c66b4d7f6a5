"""Which phrases of an organisation's rules an utterance fires in a call, by what has fired in it before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from media.live.transcript import Phrase, Utterance
from protocol.phrases import PhraseRules, may_fire

GOES_ON_MS = 3_000  # after an utterance's end, the speaker's next one may end a phrase that began in it


def heard(rules: PhraseRules | None, utterance: Utterance, before: Sequence[Phrase], said: str = "") -> list[Phrase]:
    """Return what a final ``utterance`` fires, most important first.

    ``before``: what fired in the call so far. ``said``: what its speaker said right before it.
    """
    if rules is None or not rules.rules:
        return []
    return [
        Phrase(
            rule.id,
            rule.name,
            utterance.id,
            utterance.speaker,
            utterance.start_ms,
            rule.priority,
            rule.card or None,
            rule.must_say,
        )
        for rule in rules.fired(utterance.text, utterance.speaker, said)
        if may_fire(rule, [phrase.at_ms for phrase in before if phrase.rule == rule.id], utterance.start_ms)
    ]


def said_before(utterance: Utterance, newest_first: Iterable[Utterance]) -> str:
    """Return what the speaker of ``utterance`` said right before it; empty if that was long before."""
    for other in newest_first:
        if other.speaker == utterance.speaker and other.id != utterance.id:
            return other.text if other.final and utterance.start_ms - other.end_ms <= GOES_ON_MS else ""
    return ""
