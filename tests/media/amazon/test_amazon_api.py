"""Requests to Amazon's JSON services, against an emulator that checks their signatures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from awscrt.auth import AwsCredentialsProvider

from media.amazon.json_api import AmazonError, JsonApi
from media.amazon.translate import translate
from media.amazon.vocabularies import state_of
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.json_api import MOST_BYTES, JsonServices, json_services, translated
from sandbox.transcribe.request import Vocabulary

KNOWN = {
    "legal": Vocabulary("en-AU"),
    "new": Vocabulary("en-AU", "PENDING"),
    "broken": Vocabulary("en-AU", "FAILED"),
    "kiwi": Vocabulary("en-NZ"),
}
KEY, SECRET = "AKIATEST", "a-secret"


@pytest_asyncio.fixture
async def amazon() -> AsyncIterator[JsonServices]:
    async with json_services(port=0, access_keys={KEY: SECRET}, vocabularies=KNOWN) as services:
        yield services


def api(url: str, service: str, *, key: str = KEY, secret: str = SECRET, region: str = "ap-southeast-2") -> JsonApi:
    credentials = AwsCredentialsProvider.new_static(key, secret)
    return JsonApi(url, service, region=region, credentials=credentials)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("legal", "ready"),
        ("new", "pending"),
        ("broken", "failed"),
        ("kiwi", "other_language"),
        ("nobody", "unknown"),
        ("Legal", "unknown"),
    ],
)
async def test_the_state_of_a_vocabulary(amazon: JsonServices, name: str, state: str) -> None:
    assert await state_of(api(amazon.url, "transcribe"), name, "en-AU") == state


async def test_a_vocabulary_that_cannot_be_asked_about(amazon: JsonServices) -> None:
    amazon.denial["transcribe"] = AwsError("AccessDeniedException", "User is not authorized to perform that")
    assert await state_of(api(amazon.url, "transcribe"), "legal", "en-AU") == "denied"
    amazon.denial["transcribe"] = AwsError("InternalServerException", "")
    assert await state_of(api(amazon.url, "transcribe"), "legal", "en-AU") == "unreachable"
    assert await state_of(api("http://127.0.0.1:9", "transcribe"), "legal", "en-AU") == "unreachable"


@pytest.mark.parametrize("text", ["Hello there", "naïve “quotes” & \\ / € 你好", "line\nbreak"])
async def test_a_translation(amazon: JsonServices, text: str) -> None:
    assert await translate(api(amazon.url, "translate"), text, "en", "vi") == translated(text, "vi")


async def test_what_the_service_refuses(amazon: JsonServices) -> None:
    service = api(amazon.url, "translate")
    wrong = {
        "UnsupportedLanguagePairException": translate(service, "hello", "en", "xx"),
        "ValidationException": translate(service, "", "en", "vi"),
        "TextSizeLimitExceededException": translate(service, "é" * (MOST_BYTES // 2 + 1), "en", "vi"),
        "InvalidSignatureException": translate(api(amazon.url, "translate", secret="another"), "hello", "en", "vi"),
        "UnrecognizedClientException": translate(api(amazon.url, "translate", key="nobody"), "hello", "en", "vi"),
    }
    for kind, asking in wrong.items():
        with pytest.raises(AmazonError) as refused:
            await asking
        assert refused.value.kind == kind


@pytest.mark.parametrize(("service", "region"), [("transcribe", "ap-southeast-2"), ("translate", "us-east-1")])
async def test_a_signature_for_another_service_or_region_is_refused(
    amazon: JsonServices, service: str, region: str
) -> None:
    with pytest.raises(AmazonError) as refused:
        await translate(api(amazon.url, service, region=region), "hello", "en", "vi")
    assert refused.value.kind == "InvalidSignatureException"
