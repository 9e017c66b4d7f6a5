"""Consent prompts, an organisation's or a number's own: what may be typed, and what it takes to say. Pure."""

from __future__ import annotations

import re

SHORTEST, LONGEST = 20, 600  # characters: about 40 seconds of speech
SPOKEN_PER_SECOND = 15.0  # characters: about 150 words a minute
TELLS = r"transcri|writ|record|caption|turned into (words|text)|\btext\b"
"""Words that a consent prompt about transcription contains; the page warns if none occurs."""


def problem(prompt: str) -> str:
    """Return what is wrong with a consent prompt (tidied), "" if nothing."""
    if len(prompt) < SHORTEST:
        return f"Say a little more: at least {SHORTEST} characters, so that callers understand what happens."
    if len(prompt) > LONGEST:
        return (
            f"Use at most {LONGEST} characters: this has {len(prompt)}, and callers have to wait while it is spoken."
        )
    return ""


def tells(prompt: str) -> bool:
    """Return whether the prompt seems to mention transcription: it contains one of the usual words."""
    return re.search(TELLS, prompt, re.IGNORECASE) is not None


def spoken_seconds(prompt: str) -> int:
    """Return about how many seconds it takes to say."""
    return max(1, round(len(prompt) / SPOKEN_PER_SECOND))
