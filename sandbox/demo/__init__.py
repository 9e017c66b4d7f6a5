"""The bundled demo call: two minutes of an internet provider's help line, spoken by two voices.

The people, the provider and the telephone number (5550 xxxx, kept free for fiction) are made up.
`sandbox.demo.make` makes the sound from ``call.txt``. What the recogniser expects to hear comes from
``corpus.txt``, which has the script's words and none of its sentences.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
CALL = _FOLDER / "call.txt"
SCRIPT = _FOLDER / "script.json"
CORPUS = _FOLDER / "corpus.txt"
LANGUAGE = _FOLDER / "language.arpa"
DICTIONARY = _FOLDER / "dictionary.txt"
SPEAKERS = ("agent", "caller")


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said: by whom (``agent`` or ``caller``), and from when to when (seconds into the call)."""

    speaker: str
    text: str
    start: float
    end: float

    def as_json(self) -> dict[str, Any]:
        """Return the form in ``script.json``."""
        return asdict(self)


def script() -> list[Turn]:
    """Return every turn of the call, in the order they begin."""
    return [Turn(**turn) for turn in json.loads(SCRIPT.read_text())]


def track_file(speaker: str) -> Path:
    """Return where ``speaker``'s sound lies: mu-law, 8 kHz, both tracks of equal length."""
    return _FOLDER / f"{speaker}.ulaw"


def track(speaker: str) -> bytes:
    """Return ``speaker``'s sound: mu-law, 8 kHz, both tracks of equal length."""
    return track_file(speaker).read_bytes()
