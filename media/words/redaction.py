"""Cover what Transcribe has not redacted yet. Pure.

Where a number asks for redaction, Transcribe leaves personal details out of final results. Until then each word is
shown as a bullet, so that a reader sees that somebody speaks, and not what they say.
"""

from __future__ import annotations

from msgspec import structs

from media.live.transcript import Utterance

_BULLET = "•"


def covered(utterance: Utterance) -> Utterance:
    """Return ``utterance`` with a bullet for each word."""
    return structs.replace(utterance, text=" ".join(_BULLET for _ in utterance.text.split()), stable_words=0)
