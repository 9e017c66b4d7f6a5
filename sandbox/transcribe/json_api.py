"""Amazon's JSON services, emulated at one address: Transcribe's ``GetVocabulary`` and Translate's ``TranslateText``.

Which of them a request is for, its ``X-Amz-Target`` says, and its signature must be for that service. Errors carry
``__type`` and ``message`` as AWS's JSON protocol 1.1 does. The translation is no real one: each word is written
backwards behind a mark, so that nobody mistakes it, and a test can check it word for word.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.transcribe import sigv4
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.request import Vocabulary

MOST_BYTES = 10_000  # of a text, TranslateText's limit
LANGUAGES = frozenset({
    "af", "am", "ar", "az", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "es-MX", "et", "fa",
    "fa-AF", "fi", "fr", "fr-CA", "ga", "gu", "ha", "he", "hi", "hr", "ht", "hu", "hy", "id", "is", "it", "ja", "ka",
    "kk", "kn", "ko", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "mt", "nl", "no", "pa", "pl", "ps", "pt", "pt-PT",
    "ro", "ru", "si", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi",
    "zh", "zh-TW",
})  # fmt: skip
_STATUS = {"InternalServerException": 500, "ServiceUnavailableException": 500}
_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}", re.ASCII)


class JsonServices:
    """What happens there, and what should fail: ``denial`` answers every request of a service."""

    def __init__(self, keys: sigv4.Keys, region: str, vocabularies: Mapping[str, Vocabulary]) -> None:
        self.vocabularies = dict(vocabularies)
        self.denial: dict[str, AwsError] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""
        self._keys = keys
        self._region = region
        self._operations = {
            "Transcribe.GetVocabulary": ("transcribe", self._get_vocabulary),
            "AWSShineFrontendService_20170701.TranslateText": ("translate", self._translate_text),
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = headers.get("x-amz-target", "")
        try:
            if target not in self._operations or headers.get("content-type") != "application/x-amz-json-1.1":
                raise AwsError("UnknownOperationException", "")
            service, operation = self._operations[target]
            now = datetime.now(UTC)
            sigv4.verify_post(headers, body, keys=self._keys, region=self._region, service=service, now=now)
            if service in self.denial:
                raise self.denial[service]
            try:
                asked = json.loads(body)
            except ValueError:
                raise AwsError("SerializationException", "") from None
            self.asked.append((target, asked))
            return _json(200, operation(asked))
        except AwsError as error:
            return _json(_STATUS.get(error.type, 400), {"__type": error.type, "message": str(error)})

    def _get_vocabulary(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = _text(asked, "VocabularyName")
        if not _NAME.fullmatch(name):
            raise AwsError("BadRequestException", "1 validation error detected at 'vocabularyName'")
        known = self.vocabularies.get(name)
        if known is None:
            raise AwsError("NotFoundException", "The requested vocabulary couldn't be found.")
        return {
            "DownloadUri": f"https://example.com/{name}",
            "LanguageCode": known.language,
            "LastModifiedTime": 1_790_000_000.0,
            "VocabularyName": name,
            "VocabularyState": known.state,
        }

    def _translate_text(self, asked: dict[str, Any]) -> dict[str, Any]:
        text, source, target = (_text(asked, name) for name in ("Text", "SourceLanguageCode", "TargetLanguageCode"))
        if len(text.encode()) > MOST_BYTES:
            raise AwsError("TextSizeLimitExceededException", f"Input text size exceeds limit of {MOST_BYTES} bytes.")
        if source not in LANGUAGES | {"auto"} or target not in LANGUAGES:
            raise AwsError("UnsupportedLanguagePairException", f"Unsupported language pair: {source} to {target}.")
        return {
            "AppliedTerminologies": [],
            "SourceLanguageCode": "en" if source == "auto" else source,
            "TargetLanguageCode": target,
            "TranslatedText": translated(text, target),
        }


def translated(text: str, target: str) -> str:
    """Return what the emulator answers for ``text``."""
    return f"[{target}] {' '.join(word[::-1] for word in text.split())}"


@asynccontextmanager
async def json_services(
    *,
    port: int,
    access_keys: Mapping[str, str],
    host: str = "127.0.0.1",
    region: str = "ap-southeast-2",
    vocabularies: Mapping[str, Vocabulary] | None = None,
) -> AsyncIterator[JsonServices]:
    """Yield the services, listening; ``port`` 0 takes a free one."""
    services = JsonServices(sigv4.Keys(access_keys, {}), region, vocabularies or {})
    app = web.Application()
    app.add_routes([web.post("/", services.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        services.url = f"http://{host}:{runner.addresses[0][1]}"
        yield services
    finally:
        await runner.cleanup()


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/x-amz-json-1.1")


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise AwsError("ValidationException", f"1 validation error detected: Value at '{name}' must not be null")
    return value
