"""Real recognition of the bundled demo call, by pocketsphinx in a process of its own.

Good for the demo call (6 % of its words come out wrong), poor for anybody else on a telephone: words it does
not know it cannot hear, and an utterance that is mostly guesses becomes ``[unclear]``. One process serves about forty
channels at once on a core. It is what the sandbox hears with where `sandbox.recognition.moonshine` cannot run.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sandbox import demo
from sandbox.recognition.process import Engine, Program, running


def sphinx(language: Path = demo.LANGUAGE, dictionary: Path = demo.DICTIONARY) -> AbstractAsyncContextManager[Engine]:
    """Return a running recogniser; raises `RecogniserError` if it cannot be started."""
    files = (str(language), str(dictionary))
    return running(Program("pocketsphinx", "sandbox.recognition.sphinx.worker", files))
