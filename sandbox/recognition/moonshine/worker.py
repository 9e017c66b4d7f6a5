"""The process in which Moonshine listens: ``python -m sandbox.recognition.moonshine.worker``.

With ``--measure`` it only prints how many calls this machine can hear at once.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
from moonshine_voice import ModelArch, Transcriber, get_model_path

from sandbox import demo
from sandbox.audio import mulaw
from sandbox.recognition import pipe
from sandbox.recognition.moonshine.listener import MoonshineListener
from sandbox.recognition.pace import TYPICAL_LINE, Pace, calls

_TRIES = 3
_MEASURED_TURN = 1  # of the demo call: a sentence of about the typical length


def main() -> None:
    """Answer whoever started us, until the requests end."""
    transcriber = _transcriber()
    if "--measure" in sys.argv[1:]:
        print(calls(_cost(transcriber)), flush=True)
    else:
        pace = Pace()
        pipe.serve(*pipe.ends(), lambda rate: MoonshineListener(transcriber, pace, rate))
    os._exit(0)  # the library's threads outlive the model, and mostly crash while the interpreter ends


def _transcriber() -> Transcriber:
    """Return the model that comes with the wheel (tiny, English)."""
    return Transcriber(str(get_model_path()), ModelArch.TINY, options={"identify_speakers": "false"})


def _cost(transcriber: Transcriber) -> float:
    """Return the seconds that one typical line takes to decode: the best of a few tries."""
    turn = demo.script()[_MEASURED_TURN]
    first = round(turn.start * mulaw.RATE)
    codes = demo.track(turn.speaker)[first : first + round(TYPICAL_LINE * mulaw.RATE)]
    sound = (mulaw.decode(codes).astype(np.float32) / 32768).tolist()
    taken = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        transcriber.transcribe_without_streaming(sound, mulaw.RATE)
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    main()
