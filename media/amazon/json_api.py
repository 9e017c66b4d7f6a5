"""One request to an Amazon service that speaks JSON over HTTPS, signed by awscrt (Signature Version 4)."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest

from media.amazon.vendor_clock import VendorClock
from runtime.answers import first_bytes

SECONDS = 5.0  # for a request
_LONGEST_ANSWER = 256 * 1024  # bytes
_CONTENT_TYPE = "application/x-amz-json-1.1"


class AmazonError(Exception):
    """The service refused or did not answer. ``kind`` is AWS's exception, or one of ours; never a text of theirs."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class JsonApi:
    """One service at ``endpoint`` (``https://host``). Nothing that is sent or answered is kept or logged."""

    def __init__(self, endpoint: str, service: str, *, region: str, credentials: AwsCredentialsProvider) -> None:
        self._endpoint = endpoint
        self._service = service
        self._region = region
        self._credentials = credentials
        self._clock = VendorClock()

    async def call(self, target: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to ``asked``, an operation such as ``Transcribe.GetVocabulary``. Raise `AmazonError`."""
        body = msgspec.json.encode(asked)
        try:
            async with asyncio.timeout(SECONDS):
                headers = await self._sign(target, body)
                status, answer = await self._post(headers, body)
        except TimeoutError:
            raise AmazonError("Timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            raise AmazonError(type(error).__name__) from None
        if status != 200:
            raise AmazonError(_kind(answer) or f"HTTP{status}")
        if not isinstance(answer, dict):
            raise AmazonError("UnreadableAnswer")
        return answer

    async def _sign(self, target: str, body: bytes) -> dict[str, str]:
        try:
            known = await asyncio.wrap_future(self._credentials.get_credentials())
        except Exception as error:  # awscrt raises bare RuntimeErrors when it finds none
            raise AmazonError("Credentials") from error
        request = HttpRequest(
            "POST",
            "/",
            HttpHeaders(
                [
                    ("Host", urlsplit(self._endpoint).netloc),
                    ("Content-Type", _CONTENT_TYPE),
                    ("X-Amz-Target", target),
                ]
            ),
        )
        config = AwsSigningConfig(
            signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=AwsCredentialsProvider.new_static(
                known.access_key_id, known.secret_access_key, known.session_token
            ),
            region=self._region,
            service=self._service,
            date=self._clock.now(),
            signed_body_value=sha256(body).hexdigest(),
            signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        )
        await asyncio.wrap_future(aws_sign_request(request, config))
        return dict(request.headers)

    async def _post(self, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Return status and answer. One connection a request: they are few, and none outlives its words."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
            http.post(f"{self._endpoint}/", data=body, headers=headers, allow_redirects=False) as response,
        ):
            self._clock.learn(response.headers.get("Date"))
            return response.status, _read(await first_bytes(response, _LONGEST_ANSWER))


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _kind(answer: Any) -> str:
    """Return the exception that an error names: ``com.amazonaws.transcribe#NotFoundException`` or shorter."""
    named = answer.get("__type") if isinstance(answer, dict) else None
    kind = str(named or "").rpartition("#")[2].partition(":")[0]
    return kind if kind.isascii() and kind.isalnum() and len(kind) <= 64 else ""
