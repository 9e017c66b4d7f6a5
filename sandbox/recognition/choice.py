"""Which recogniser hears in the sandbox, and how many calls at once.

``SANDBOX_SPEECH=auto`` takes Moonshine where its wheel is installed and runs, pocketsphinx elsewhere. Tests and load
ask for ``scripted``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.recognition.moonshine import engine as moonshine
from sandbox.recognition.pace import MOST_BEHIND
from sandbox.recognition.process import Engine
from sandbox.recognition.recogniser import RecogniserError, RecogniserFactory
from sandbox.recognition.scripted import Scripted
from sandbox.recognition.sphinx.engine import sphinx

Speech = Literal["auto", "moonshine", "pocketsphinx", "scripted"]
SPEECHES: tuple[str, ...] = get_args(Speech)


@dataclass(frozen=True, slots=True)
class Choice:
    """A recogniser, how many ``calls`` it hears at once here (None: any number), and ``why`` not a better one."""

    speech: Speech
    calls: int | None = None
    why: str = ""

    def __str__(self) -> str:
        """Return what people are told about it."""
        if self.speech == "moonshine":
            return f"Moonshine hears any English. This machine can hear {_calls(self.calls)} at once."
        if self.speech == "pocketsphinx":
            return "Pocketsphinx hears the demo call and hardly anything else" + (
                f": {self.why}." if self.why else "."
            )
        return "The scripted recogniser hears only sound that spells its words."


async def choose(wanted: Speech) -> Choice:
    """Find out what can hear here. Raise `RecogniserError` if it is not what was ``wanted`` by name."""
    if wanted in ("scripted", "pocketsphinx"):
        return Choice(wanted)
    try:
        return Choice("moonshine", await moonshine.calls_heard())
    except RecogniserError as error:
        if wanted == "moonshine":
            raise
        return Choice("pocketsphinx", why=str(error))


@asynccontextmanager
async def recogniser(speech: Speech) -> AsyncIterator[RecogniserFactory]:
    """Run a recogniser. Raise `RecogniserError` if it cannot be started."""
    if speech == "auto":
        speech = (await choose(speech)).speech
    if speech == "scripted":
        yield Scripted
        return
    async with sphinx() if speech == "pocketsphinx" else moonshine.moonshine() as engine:
        yield engine


def hearing(choice: Choice, ears: RecogniserFactory, calls: int) -> str:
    """Return what people are told while ``calls`` are heard by ``ears``, also if that is too much for the machine."""
    said = str(choice)
    if choice.calls is not None and calls >= choice.calls:
        said += " It hears no more now: further calls wait for their words."
    if isinstance(ears, Engine) and ears.behind > MOST_BEHIND:
        said += f" It is {ears.behind:.0f} s behind, for something else keeps it busy."
    return said


def _calls(count: int | None) -> str:
    return f"{count} call{'' if count == 1 else 's'}"
