"""Ask media what Transcribe knows of custom vocabularies. Web has no key of AWS's."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from aiohttp import web
from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import VOCABULARY_CHECKED, VOCABULARY_WANTED, Vocabulary, VocabularyState
from protocol.nats import WEB, NatsConnection

REACHING_SECONDS = 3.0
ANSWER_SECONDS = 6.0  # media asks AWS meanwhile
SAID: Mapping[VocabularyState, str] = {
    "ready": "is ready at Transcribe",
    "pending": "is still being prepared by Transcribe; calls are transcribed without it until then",
    "failed": "could not be built by Transcribe; calls are transcribed without it",
    "unknown": "is not known to Transcribe in Sydney; calls are transcribed without it",
    "other_language": "was made for another language; calls are transcribed without it",
    "denied": "could not be checked: media's AWS key lacks transcribe:GetVocabulary",
    "unreachable": "could not be checked right now",
}


class Vocabularies:
    """Questions to media about custom vocabularies, over ``connection``, which must not be running yet."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._questions: set[_Question] = set()
        connection.attach(subscribe=self._subscribe)

    async def states(
        self, wanted: Collection[Vocabulary], seconds: float = ANSWER_SECONDS
    ) -> dict[Vocabulary, VocabularyState]:
        """Return what is known of each; ``unreachable`` where no answer came in time."""
        question = _Question(wanted)
        if wanted and await self._connection.is_confirmed_within(REACHING_SECONDS):
            self._questions.add(question)
            for vocabulary in question.missing:
                self._connection.publish_later(VOCABULARY_WANTED.to(), VOCABULARY_WANTED.write(vocabulary))
            try:
                async with asyncio.timeout(seconds):
                    await question.answered.wait()
            except TimeoutError:
                pass
            finally:
                self._questions.discard(question)
        return question.found

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(VOCABULARY_CHECKED.all, cb=self._on_checked)

    async def _on_checked(self, message: Msg) -> None:
        checked = VOCABULARY_CHECKED.read(message.data)
        if checked is not None:
            for question in self._questions:
                question.take(Vocabulary(checked.name, checked.language), checked.state)


class _Question:
    """Several vocabularies that somebody wants to know of."""

    def __init__(self, wanted: Collection[Vocabulary]) -> None:
        self.found: dict[Vocabulary, VocabularyState] = dict.fromkeys(wanted, "unreachable")
        self.missing = set(wanted)
        self.answered = asyncio.Event()

    def take(self, vocabulary: Vocabulary, state: VocabularyState) -> None:
        """Note an answer to this question or to another one."""
        if vocabulary in self.missing:
            self.found[vocabulary] = state
            self.missing.discard(vocabulary)
            if not self.missing:
                self.answered.set()


VOCABULARIES: web.AppKey[Vocabularies] = web.AppKey("vocabularies")


async def states(
    nats_url: str, wanted: Collection[Vocabulary], seconds: float = ANSWER_SECONDS
) -> dict[Vocabulary, VocabularyState]:
    """Ask like `Vocabularies`, over a connection of its own: for a check of the settings."""
    connection = NatsConnection(nats_url, "web check", WEB)
    asking = Vocabularies(connection)
    async with connection.running():
        return await asking.states(wanted, seconds)
