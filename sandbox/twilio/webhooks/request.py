"""Twilio's requests to the customer's application: signed, bounded in time, repeated as their URL says.

Signature: base64(HMAC-SHA1(auth token, URL + each sorted name and value)), computed by Twilio's own validator.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin

import aiohttp
from aiohttp import ClientResponse as Response
from twilio.request_validator import RequestValidator
from yarl import URL

from runtime.answers import first_bytes
from sandbox.twilio.webhooks.overrides import Trouble, overrides_of, trouble_of

SECONDS = 15.0  # "15 s total timeout"
MAX_BYTES = 64 * 1024  # of TwiML: 11750 above
MAX_SOUND_BYTES = 40 * 1024 * 1024
USER_AGENT = "TwilioProxy/1.1"
_MAX_REDIRECTS = 5
_MARKUP = {"text/xml", "application/xml", "text/html"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request to make. ``fallback`` is asked when this one fails (empty: nobody is)."""

    url: str
    method: str = "POST"
    form: Mapping[str, str] = field(default_factory=dict)
    fallback: str = ""
    fallback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said; ``url`` is where, for what is relative to it."""

    url: str
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body, read as text."""
        return self.body.decode(errors="replace")

    @property
    def is_sound(self) -> bool:
        """Whether it is a sound file."""
        return self.content_type.startswith("audio/")


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, by Twilio's code."""

    code: int
    text: str
    url: str = ""


class Webhooks:
    """Makes the requests of one account."""

    def __init__(self, http: aiohttp.ClientSession, auth_token: str, seconds: float = SECONDS) -> None:
        self._http = http
        self._validator = RequestValidator(auth_token)
        self._seconds = seconds

    async def document(self, webhook: Webhook) -> Answer | Failure:
        """Ask for TwiML, of the fallback too if it must be."""
        answer = markup(await self.ask(webhook))
        if isinstance(answer, Answer) or not webhook.fallback:
            return answer
        error = {"ErrorCode": str(answer.code), "ErrorUrl": webhook.url}
        return markup(await self.ask(Webhook(webhook.fallback, webhook.fallback_method, {**webhook.form, **error})))

    async def ask(self, webhook: Webhook, token: str = "") -> Answer | Failure:
        """Make one request, again if it fails in a way that its URL names, with the same ``token``. Never raise."""
        overrides, token, attempts = overrides_of(webhook.url), token or str(uuid.uuid4()), 0
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=overrides.connect, sock_read=overrides.read)
        failure = Failure(11205, "HTTP connection failure: timed out", webhook.url)
        try:
            async with asyncio.timeout(min(self._seconds, overrides.total)):
                while True:
                    answer, trouble = await self._attempt(webhook, token, timeout)
                    attempts += 1
                    if isinstance(answer, Answer):
                        return answer
                    failure = answer
                    if trouble is None or not overrides.again(trouble, attempts):
                        return failure
        except TimeoutError:
            return failure

    async def _attempt(
        self, webhook: Webhook, token: str, timeout: aiohttp.ClientTimeout
    ) -> tuple[Answer | Failure, Trouble | None]:
        try:
            return await self._ask(webhook, token, timeout)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return _unreached(webhook, error), "ct"
        except (aiohttp.ClientError, OSError) as error:  # no answer, or half of one
            return _unreached(webhook, error), "rt"
        except ValueError as error:  # no URL
            return _unreached(webhook, error), None

    async def _ask(
        self, webhook: Webhook, token: str, timeout: aiohttp.ClientTimeout
    ) -> tuple[Answer | Failure, Trouble | None]:
        url, method, form = webhook.url.partition("#")[0], webhook.method, dict(webhook.form)
        for _ in range(_MAX_REDIRECTS):
            async with self._send(url, method, form, token, timeout) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    return await _read(response, url), trouble_of(response.status)
                # "redirects drop POST params"
                url, method, form = urljoin(url, response.headers.get("Location", "")), "GET", {}
        return Failure(11200, "HTTP retrieval failure: too many redirects", webhook.url), None

    def _send(
        self, url: str, method: str, form: dict[str, str], token: str, timeout: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[Response]:
        body = None
        if method == "GET":
            url, form = _with_query(url, form), {}
        else:
            body = urlencode(form).encode()
        return self._http.request(
            method,
            URL(url, encoded=True),
            data=body,
            headers=self._headers(url, form, token),
            timeout=timeout,
            allow_redirects=False,
        )

    def _headers(self, url: str, form: dict[str, str], token: str) -> dict[str, str]:
        return {
            "X-Twilio-Signature": self._validator.compute_signature(url, form),
            "I-Twilio-Idempotency-Token": token,
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
        }


def _unreached(webhook: Webhook, error: Exception) -> Failure:
    return Failure(11205, f"HTTP connection failure: {type(error).__name__}", webhook.url)


def _with_query(url: str, form: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(form)}" if form else url


async def _read(response: aiohttp.ClientResponse, url: str) -> Answer | Failure:
    if response.status >= 400:
        return Failure(11200, f"HTTP retrieval failure: {response.status}", url)
    content_type = response.content_type if "Content-Type" in response.headers else ""
    most = MAX_SOUND_BYTES if content_type.startswith("audio/") else MAX_BYTES
    body = await first_bytes(response, most + 1)
    if len(body) > most:
        return Failure(11750, "TwiML response body too large", url)
    return Answer(url, content_type, body)


def markup(answer: Answer | Failure) -> Answer | Failure:
    """Return ``answer`` if it can be TwiML; else what is wrong with it."""
    if isinstance(answer, Answer) and answer.content_type not in _MARKUP:
        return Failure(12300, f"Invalid Content-Type: '{answer.content_type}'", answer.url)
    return answer
