"""Signed URLs, signed by awscrt; each wrong in one way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings, strategies as st

from sandbox.transcribe import sigv4
from sandbox.transcribe.errors import AwsError
from tests.kit.media.transcribe_client import KEY, SECRET, STEREO, Signing, presigned

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOST = "127.0.0.1:8091"
GOOD = Signing(date=NOW)


def verify(
    url: str, *, host: str = HOST, now: datetime = NOW, tokens: dict[str, str] | None = None, path: str | None = None
) -> None:
    parts = urlsplit(url)
    sigv4.verify(
        path or parts.path,
        parts.query,
        host,
        keys=sigv4.Keys({KEY: SECRET}, tokens or {}),
        region="ap-southeast-2",
        service="transcribe",
        now=now,
    )


def signed(signing: Signing = GOOD, session_id: str = "") -> str:
    return presigned(f"ws://{HOST}", STEREO | {"session-id": session_id}, signing)


def refusal(url: str, **conditions: object) -> str:
    with pytest.raises(AwsError) as refused:
        verify(url, **conditions)  # type: ignore[arg-type]
    return refused.value.type


def test_a_good_signature_is_accepted() -> None:
    verify(signed())


def test_a_temporary_key_needs_its_token() -> None:
    url = signed(replace(GOOD, token="token+/=="))
    verify(url, tokens={KEY: "token+/=="})
    assert refusal(url) == "UnrecognizedClientException"
    assert refusal(url, tokens={KEY: "another"}) == "UnrecognizedClientException"
    assert refusal(signed(), tokens={KEY: "token+/=="}) == "UnrecognizedClientException"


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_value_of_a_parameter_can_be_signed(value: str) -> None:
    verify(signed(session_id=value))


def test_it_holds_until_it_expires_and_not_a_second_longer() -> None:
    url = signed(replace(GOOD, expires=60))
    verify(url, now=NOW + timedelta(seconds=60))
    assert refusal(url, now=NOW + timedelta(seconds=61)) == "InvalidSignatureException"


def test_a_clock_ahead_by_more_than_five_minutes_is_refused() -> None:
    verify(signed(), now=NOW - timedelta(minutes=4))
    assert refusal(signed(), now=NOW - timedelta(minutes=6)) == "InvalidSignatureException"


def test_an_expiry_of_more_than_five_minutes_is_refused() -> None:
    assert refusal(signed(replace(GOOD, expires=301))) == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("signing", "type_"),
    [
        (replace(GOOD, key="AKIDNOBODY"), "UnrecognizedClientException"),
        (replace(GOOD, secret="wrong"), "InvalidSignatureException"),
        (replace(GOOD, region="us-east-1"), "InvalidSignatureException"),
        (replace(GOOD, service="polly"), "InvalidSignatureException"),
        (replace(GOOD, host="127.0.0.1"), "InvalidSignatureException"),
    ],
)
def test_a_signature_for_something_else_is_refused(signing: Signing, type_: str) -> None:
    assert refusal(signed(signing)) == type_


def test_another_host_or_path_than_was_signed_is_refused() -> None:
    assert refusal(signed(), host="evil.example") == "InvalidSignatureException"
    assert refusal(signed(), path="/medical-stream-transcription-websocket") == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("old", "new", "type_"),
    [
        ("sample-rate=8000", "sample-rate=16000", "InvalidSignatureException"),
        ("language-code", "Language-code", "InvalidSignatureException"),
        ("X-Amz-Signature=", "X-Amz-Signature=0", "InvalidSignatureException"),
        ("X-Amz-Signature=", "X-Amz-Signature=é&x=", "InvalidSignatureException"),
        ("X-Amz-Signature=", "x=", "MissingAuthenticationTokenException"),
        ("X-Amz-Expires=300", "X-Amz-Expires=0", "IncompleteSignatureException"),
        ("X-Amz-Expires=300", "X-Amz-Expires=x", "IncompleteSignatureException"),
        ("SignedHeaders=host", "SignedHeaders=host%3Bdate", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "IncompleteSignatureException"),
        ("Date=20260304T050607Z", "Date=20260304", "IncompleteSignatureException"),
        ("Date=20260304T", "Date=20260305T", "InvalidSignatureException"),
    ],
)
def test_a_changed_url_is_refused(old: str, new: str, type_: str) -> None:
    assert old in (url := signed())
    assert refusal(url.replace(old, new)) == type_
