"""Read the settings of the media process from the environment, once.

A wrong or missing one is one line and exit 2.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from runtime.listening import ANYWHERE
from runtime.settings import (
    AccountSid,
    CommaList,
    HttpOrigin,
    NatsUrl,
    ProcessSettings,
    Secret,
    TlsFolder,
    WebSocketOrigin,
    load,
    origin,
    vendor,
)

TRANSCRIBE_REGION = "ap-southeast-2"
TRANSCRIBE_API = f"https://transcribe.{TRANSCRIBE_REGION}.amazonaws.com"
TRANSLATE_API = f"https://translate.{TRANSCRIBE_REGION}.amazonaws.com"
TRANSCRIBE_ENDPOINT = f"wss://transcribestreaming.{TRANSCRIBE_REGION}.amazonaws.com:8443"


def _transcribe(value: str) -> str:
    """Accept Australia only: the vendor's Sydney endpoint, or one on loopback."""
    address = vendor(value, TRANSCRIBE_ENDPOINT)
    return address if address == TRANSCRIBE_ENDPOINT else origin(address, "wss", "ws")


def _transcribe_api(value: str) -> str:
    return vendor(value, TRANSCRIBE_API)


def _translate_api(value: str) -> str:
    return vendor(value, TRANSLATE_API)


class Settings(ProcessSettings):
    """Settings with the names and defaults of README's table."""

    nats_url: NatsUrl
    media_host: str = ANYWHERE
    media_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    media_workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the port on one machine; each is a node of its own on NATS."""
    tls_folder: TlsFolder = None
    """If set, every client must use TLS: Caddy, health checks, Prometheus."""
    media_public_url: WebSocketOrigin
    web_public_url: Annotated[HttpOrigin, Field(min_length=1)]
    stream_shared_secret: Secret
    twilio_account_sid: AccountSid
    twilio_auth_tokens: CommaList
    """Tokens that Twilio may sign with: the first, and others while one is rotated."""
    aws_region: Literal["ap-southeast-2"]
    transcribe_endpoint: Annotated[str, AfterValidator(_transcribe)] = TRANSCRIBE_ENDPOINT
    transcribe_api_base: Annotated[str, AfterValidator(_transcribe_api)] = TRANSCRIBE_API
    """Where custom vocabularies are looked up."""
    live_translation: Literal["off", "on"] = "off"
    translate_api_base: Annotated[str, AfterValidator(_translate_api)] = TRANSLATE_API
    transcribe_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}-[A-Z]{2}$")] = "en-AU"
    transcribe_max_streams: Annotated[int, Field(ge=1)] = 25
    drain_seconds: Annotated[int, Field(ge=0)] = 3600


def read() -> Settings:
    """Return the settings, or print one line on stderr and exit with status 2."""
    return load("media", Settings)
