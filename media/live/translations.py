"""Translate final utterances for the readers who asked for it, in memory only.

A reader asks for one language in a call that they see, and gets its latest utterances and each new one; other readers
of the call get nothing. What was translated once is kept with the call, for the next reader of the same language, and
goes with its words. Nothing of it passes to other nodes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from msgspec import Struct

from media.live.hub import Hub, Subscriber, sees
from media.live.transcript import LiveCall, Utterance, encode

LATEST = 10  # utterances that are translated when somebody asks
MOST_CALLS = 6  # of one reader at a time
MOST_WAITING = 200  # translations of this node that are asked for and not there yet
AT_ONCE = 16

Problem = Literal["off", "language", "busy", "unavailable"]
Translate = Callable[[str, str, str], Awaitable[str]]
"""Translates a text, given its language and the wanted one (Translate's codes). May raise `TranslationError`."""
_KEPT_WHOLE = {"zh-TW": "zh-TW", "zh-HK": "zh-TW", "fr-CA": "fr-CA", "pt-PT": "pt-PT"}

log = structlog.get_logger()


class TranslationError(Exception):
    """A translation failed; ``problem`` is what readers are told."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class Translated(Struct, frozen=True, tag="translation"):
    """``utterance``, an id, in the language ``to``."""

    call: str
    utterance: str
    to: str
    text: str


class TranslationFailed(Struct, frozen=True, tag="translation.failed"):
    """Translations into ``to`` fail; they are tried again with the next utterance."""

    call: str
    to: str
    problem: Problem


def language_code(language: str) -> str:
    """Return Translate's code of a language of Transcribe's, ``en`` for ``en-AU``."""
    return _KEPT_WHOLE.get(language, language.partition("-")[0])


class Translations:
    """Who reads which call in which language. ``translate``: None if the installation does not translate."""

    def __init__(self, hub: Hub, translate: Translate | None, tasks: asyncio.TaskGroup) -> None:
        self._hub = hub
        self._translate = translate
        self._tasks = tasks
        self._wanted: dict[Subscriber, dict[str, str]] = {}  # call to language
        self._waiting: dict[tuple[str, str, str], asyncio.Task[None]] = {}  # call, utterance, language
        self._at_once = asyncio.Semaphore(AT_ONCE)
        hub.on_final = self._on_final

    def want(self, reader: Subscriber, call: str, to: str | None) -> None:
        """Translate ``call`` into ``to`` for ``reader`` from now on, if they see it; None: no longer."""
        wanted = self._wanted.setdefault(reader, {})
        wanted.pop(call, None)
        live = self._hub.find(reader.org, call)
        if to is not None and live is not None and sees(reader, live.agent):
            if self._translate is None:
                reader.send(encode(TranslationFailed(call, to, "off")))
            else:
                wanted[call] = to
                if len(wanted) > MOST_CALLS:
                    del wanted[next(iter(wanted))]
                self._begin(reader, live, to)
        if not wanted:
            del self._wanted[reader]

    def forget(self, reader: Subscriber) -> None:
        """Forget what ``reader``, whose console is closed, wanted."""
        self._wanted.pop(reader, None)

    def _begin(self, reader: Subscriber, live: LiveCall, to: str) -> None:
        finals = [utterance for utterance in live.view().utterances if utterance.final]
        for utterance in finals[-LATEST:]:
            known = live.translations.get((utterance.id, to))
            if known is not None:
                reader.send(encode(Translated(live.call, utterance.id, to, known)))
            else:
                self._ask(live, utterance, to)

    def _on_final(self, live: LiveCall, utterance: Utterance) -> None:
        """Handle a new final utterance of any call that this node knows."""
        if self._wanted:
            for to in {to for _, to in self._readers(live)}:
                self._ask(live, utterance, to)

    def _readers(self, live: LiveCall) -> list[tuple[Subscriber, str]]:
        return [
            (reader, wanted[live.call])
            for reader, wanted in self._wanted.items()
            if live.call in wanted and reader.org == live.org and sees(reader, live.agent)
        ]

    def _ask(self, live: LiveCall, utterance: Utterance, to: str) -> None:
        key = (live.call, utterance.id, to)
        if key in self._waiting or not utterance.text:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._send(live, to, TranslationFailed(live.call, to, "busy"))
            return
        task = self._waiting[key] = self._tasks.create_task(self._run(live, utterance, to))
        task.add_done_callback(lambda _: self._waiting.pop(key, None))

    async def _run(self, live: LiveCall, utterance: Utterance, to: str) -> None:
        assert self._translate is not None
        source = language_code(live.language)
        try:
            if source == to:
                raise TranslationError("language")
            async with self._at_once:
                text = await self._translate(utterance.text, source, to)
        except TranslationError as error:
            log.warning("translation failed", call=live.call, problem=error.problem)
            self._send(live, to, TranslationFailed(live.call, to, error.problem))
            return
        if self._hub.find(live.org, live.call) is live and utterance.id in live.utterances:  # else its words are gone
            live.translations[utterance.id, to] = text
            self._send(live, to, Translated(live.call, utterance.id, to, text))

    def _send(self, live: LiveCall, to: str, event: Translated | TranslationFailed) -> None:
        encoded = encode(event)
        for reader, wanted in self._readers(live):
            if wanted == to:
                reader.send(encoded)
