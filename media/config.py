"""Settings of the media process, read once from the environment. A wrong or missing one is one line and exit 2."""

from __future__ import annotations

import sys
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

TRANSCRIBE_REGION = "ap-southeast-2"
TRANSCRIBE_ENDPOINT = f"wss://transcribestreaming.{TRANSCRIBE_REGION}.amazonaws.com:8443"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Settings(BaseSettings):
    """Names and defaults as the README's table lists them."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    nats_url: SecretStr
    media_host: str = "0.0.0.0"
    media_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    media_workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the port on one machine; each is a node of its own on the bus."""
    media_public_url: str
    web_public_url: str
    stream_shared_secret: Annotated[SecretStr, Field(min_length=16)]
    twilio_account_sid: Annotated[str, Field(pattern=r"^AC[0-9A-Za-z]+$")]
    twilio_auth_tokens: Annotated[tuple[SecretStr, ...], NoDecode, Field(min_length=1)]
    aws_region: Literal["ap-southeast-2"]
    transcribe_endpoint: str = TRANSCRIBE_ENDPOINT
    transcribe_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}-[A-Z]{2}$")] = "en-AU"
    transcribe_max_streams: Annotated[int, Field(ge=1)] = 25
    drain_seconds: Annotated[int, Field(ge=0)] = 3600

    @field_validator("twilio_auth_tokens", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A comma list: the first token and those still valid during a rotation."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("media_public_url")
    @classmethod
    def _websocket_origin(cls, value: str) -> str:
        return _origin(value, "wss", "ws")

    @field_validator("web_public_url")
    @classmethod
    def _http_origin(cls, value: str) -> str:
        return _origin(value, "https", "http")

    @field_validator("transcribe_endpoint")
    @classmethod
    def _australian(cls, value: str) -> str:
        """Australia only: the vendor's Sydney endpoint, or a loopback one."""
        value = value.rstrip("/")
        url = urlsplit(value)
        if value != TRANSCRIBE_ENDPOINT and not (url.scheme in ("ws", "wss") and url.hostname in _LOOPBACK):
            raise ValueError(f"must be {TRANSCRIBE_ENDPOINT} or a loopback ws:// address")
        return value


def load() -> Settings:
    """The settings, or one line on stderr naming the first bad variable and exit status 2."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"][:1]).upper()
        sys.exit(_complain(name, first["type"], first["msg"]))


def _complain(name: str, kind: str, text: str) -> int:
    reason = "is not set" if kind == "missing" else text.removeprefix("Value error, ")
    print(f"media: {name}: {reason}", file=sys.stderr)  # noqa: T201  (there is no logger yet)
    return 2


def _origin(value: str, secure: str, plain: str) -> str:
    """An origin without a trailing slash: ``secure`` anywhere, ``plain`` on loopback alone."""
    url = urlsplit(value.rstrip("/"))
    if not url.hostname or url.path or url.query or url.fragment:
        raise ValueError(f"must be an origin such as {secure}://example.com.au")
    if url.scheme == secure or (url.scheme == plain and url.hostname in _LOOPBACK):
        return value.rstrip("/")
    raise ValueError(f"must begin with {secure}:// ({plain}:// only on loopback)")
