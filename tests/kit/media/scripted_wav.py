"""A WAV file of scripted speech: the caller's words on the left, a silent agent on the right."""

from __future__ import annotations

import array
import wave
from collections.abc import Sequence
from pathlib import Path

from media.speech.audio import PCM
from sandbox.audio import coded_words


def write_call(place: Path, said: Sequence[str], pause_seconds: float, wait_seconds: float = 0) -> Path:
    """``said``, one after the other with a pause after each, at 8 kHz; the path of the file.

    The emulated caller hangs up when the file is over: ``wait_seconds`` of silence at its end keep the call.
    """
    pause = coded_words.silence(pause_seconds)
    codes = coded_words.silence(0.5) + b"".join(coded_words.encode(words) + pause for words in said)
    codes += coded_words.silence(wait_seconds)
    stereo = array.array("h", (sample for code in codes for sample in (PCM[code], 0)))
    with wave.open(str(place), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(stereo.tobytes())
    return place
