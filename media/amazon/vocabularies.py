"""What Transcribe knows of a custom vocabulary, asked by ``GetVocabulary`` when web wants to know."""

from __future__ import annotations

from nats.aio.client import Client
from nats.aio.msg import Msg

from media.amazon.json_api import AmazonError, JsonApi
from protocol.messages import VOCABULARY_CHECKED, VOCABULARY_WANTED, CheckedVocabulary, VocabularyState
from protocol.nats import NatsConnection

_BY_STATE: dict[str, VocabularyState] = {"READY": "ready", "PENDING": "pending", "FAILED": "failed"}
_BY_ERROR: dict[str, VocabularyState] = {"NotFoundException": "unknown", "AccessDeniedException": "denied"}


async def state_of(transcribe: JsonApi, name: str, language: str) -> VocabularyState:
    """Return what is known of the vocabulary ``name``, which is to be used with ``language``. Never raises."""
    try:
        known = await transcribe.call("Transcribe.GetVocabulary", {"VocabularyName": name})
    except AmazonError as error:
        return _BY_ERROR.get(error.kind, "unreachable")
    if known.get("LanguageCode") != language:
        return "other_language"
    return _BY_STATE.get(str(known.get("VocabularyState")), "unreachable")


class VocabularyChecks:
    """Answers web. Of all nodes, one answers each question."""

    def __init__(self, connection: NatsConnection, transcribe: JsonApi) -> None:
        self._connection = connection
        self._transcribe = transcribe
        connection.attach(subscribe=self._subscribe)

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(VOCABULARY_WANTED.all, queue="media", cb=self._on_wanted)

    async def _on_wanted(self, message: Msg) -> None:
        wanted = VOCABULARY_WANTED.read(message.data)
        if wanted is None:
            return
        state = await state_of(self._transcribe, wanted.name, wanted.language)
        answer = CheckedVocabulary(wanted.name, wanted.language, state)
        self._connection.publish_later(VOCABULARY_CHECKED.to(), VOCABULARY_CHECKED.write(answer))
