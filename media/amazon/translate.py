"""Have a text translated by Amazon Translate, ``TranslateText``, in Sydney."""

from __future__ import annotations

from media.amazon.json_api import AmazonError, JsonApi

MOST_BYTES = 10_000  # of a text: the service's limit
_TARGET = "AWSShineFrontendService_20170701.TranslateText"


async def translate(service: JsonApi, text: str, source: str, target: str) -> str:
    """Return ``text`` in the language ``target``; ``source``: the code of its own. Raise `AmazonError`."""
    if len(text.encode()) > MOST_BYTES:
        raise AmazonError("TextSizeLimitExceededException")
    asked = {"Text": text, "SourceLanguageCode": source, "TargetLanguageCode": target}
    translated = (await service.call(_TARGET, asked)).get("TranslatedText")
    if not isinstance(translated, str):
        raise AmazonError("UnreadableAnswer")
    return translated
