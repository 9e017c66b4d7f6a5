"""Read a process's settings from the environment: once, and all of them or none.

A wrong or missing setting is one line on stderr that names it, never its value, and exit status 2. The types below
are the kinds of value that more than one process reads; each says what it accepts and how it is normalised.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import SplitResult, urlsplit

import idna
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime.tls import server_context

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_NEXT_NATS_URL = re.compile(r"\s*,\s*(?=(?:nats|tls)://)")
_PLAIN_CREDENTIAL = re.compile(r"[\w.~!$&'()*+,;=-]*", re.ASCII)

SECRETS_FOLDER = Path("/run/secrets")
"""Where containers have their secrets as files."""
_LEAST_SECRET = 16  # characters, of a secret that signs

_AnySettings = TypeVar("_AnySettings", bound=BaseSettings)


def load(process: str, settings: Callable[[], _AnySettings], *, prefix: str = "") -> _AnySettings:
    """Return the settings, or print one line that names each bad variable and exit with status 2.

    ``prefix``: what every variable's name begins with.
    """
    try:
        return settings()
    except ValidationError as error:
        stop(process, "; ".join(_complaint(detail, prefix) for detail in error.errors(include_input=False)))


def stop(process: str, complaint: str) -> NoReturn:
    """End the process for a reason the operator can correct: one line on stderr, exit status 2."""
    print(f"{process}: {complaint}", file=sys.stderr)  # noqa: T201 (logging is not set up yet)
    raise SystemExit(2)


def origin(value: str, secure: str, plain: str) -> str:
    """Return ``value`` as browsers write an origin: lower case, no default port, no slash, ASCII host.

    Scheme ``secure`` is accepted anywhere, ``plain`` on loopback alone. Raise `ValueError` for anything else.
    """
    url = split_url(value.strip().rstrip("/"))
    if not url.hostname or _is_more_than_origin(url):
        raise ValueError(f"must be an origin such as {secure}://example.com.au")
    if url.scheme != secure and not (url.scheme == plain and url.hostname in LOOPBACK):
        raise ValueError(f"must begin with {secure}:// ({plain}:// only on loopback)")
    return f"{url.scheme}://{_host(url.hostname)}{_port(url)}"


def vendor(value: str, *real: str) -> str:
    """Return ``value`` as a vendor's address: one of the ``real`` ones, or one on loopback.

    Any other address could lie outside Australia. Raise `ValueError` for it.
    """
    address = value.strip().rstrip("/")
    if address in real:
        return address
    try:
        scheme = split_url(address).scheme
        if scheme in _DEFAULT_PORTS:
            address = origin(address, scheme, scheme)
        if address in real or split_url(address).hostname in LOOPBACK:
            return address
    except ValueError:
        pass
    raise ValueError(f"must be {' or '.join(real)}, or an address on loopback")


def server_url(value: SecretStr, schemes: Collection[str]) -> SplitResult:
    """Return the parts of ``value``, the URL of a server that may need a user name and a password.

    Raise `ValueError`, which repeats no part of the value, unless it is ``scheme://user:password@host:port``. Half of
    all generated passwords have a character that ends the password in a URL, so the error names that.
    """
    url = split_url(value.get_secret_value())
    if url.scheme not in schemes or not url.hostname:
        raise ValueError(f"must be {' or '.join(f'{scheme}://' for scheme in schemes)} and user:password@host:port")
    if url.netloc.count("@") > 1 or url.fragment:
        raise ValueError("has characters in its user name or password that must be percent-encoded (/ is %2F, @ %40)")
    return url


def split_url(value: str) -> SplitResult:
    """Return `urlsplit` of ``value``.

    Raise `ValueError`, which repeats nothing of it, also for a port that no connection can be made to.
    """
    try:
        url = urlsplit(value)
        is_usable = url.port != 0  # reading it raises for one that is no number, or too high
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError(
            "is not a URL: the port must be a number from 1 to 65535, special characters of a password "
            "percent-encoded (/ is %2F)"
        )
    return url


def split(value: object) -> object:
    """Return a comma-separated list as a tuple without blanks; return anything but text unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _http_origin(value: str) -> str:
    return origin(value, "https", "http") if value else value


def _websocket_origin(value: str) -> str:
    return origin(value, "wss", "ws")


def nats_servers(urls: str) -> list[str]:
    """Return each URL of a comma-separated list. A comma that no URL follows belongs to a password."""
    return _NEXT_NATS_URL.split(urls)


def _nats(value: SecretStr) -> SecretStr:
    for url in nats_servers(value.get_secret_value()):
        _check_nats(SecretStr(url.strip()))
    return value


def _check_nats(value: SecretStr) -> None:
    url = server_url(value, ("nats", "tls"))
    if url.path.rstrip("/") or url.query or "," in (url.hostname or ""):
        raise ValueError("must end after host:port; a / in the password ends it too early")
    # The NATS client takes both as they stand in the URL and does not decode them.
    if not all(_PLAIN_CREDENTIAL.fullmatch(part or "") for part in (url.username, url.password)):
        raise ValueError("must have a user name and a password of letters, digits, - and _ only")


def _smtp(value: SecretStr) -> SecretStr:
    url = server_url(value, ("smtp", "smtps"))
    if url.path.rstrip("/") or url.query:
        raise ValueError("must end after host:port; percent-encode a / in the password as %2F, a ? as %3F")
    if bool(url.username) != bool(url.password):
        raise ValueError("must have both a user name and a password, or neither")
    return value


def _https(value: SecretStr) -> SecretStr:
    """Accept an address to post to; its path or query may contain a key of ours."""
    text = value.get_secret_value()
    url = split_url(text)
    if text and not (url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK))):
        raise ValueError("must begin with https:// (http:// only on loopback)")
    return value


def _has_certificate(value: Path | None) -> Path | None:
    if value is not None:
        server_context(value)
    return value


def _is_more_than_origin(url: SplitResult) -> bool:
    return bool(url.path or url.query or url.fragment or "@" in url.netloc or url.netloc.endswith(":"))


def _host(name: str) -> str:
    """Return ``name`` in lower-case ASCII: a browser's Origin and Twilio's signature use the punycode form."""
    try:
        host = f"[{name}]" if ":" in name else name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError("must have a host name of letters, digits, dots and hyphens")
    return host


def _port(url: SplitResult) -> str:
    return "" if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f":{url.port}"


def _complaint(detail: Any, prefix: str) -> str:
    name = "".join(f"{prefix}{part}" for part in detail["loc"][:1]).upper()
    reason = "is not set" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
    return f"{name}: {reason}" if name else reason


class SigningSecret(SecretStr):
    """A secret that signs, or a comma-separated list during a rotation: the first one signs, all are accepted."""

    def get_secret_value(self) -> str:
        """Return the secret that signs."""
        return self.accepted[0]

    @property
    def accepted(self) -> tuple[str, ...]:
        """All accepted secrets, the one that signs first."""
        return tuple(part.strip() for part in super().get_secret_value().split(",") if part.strip())


def _text_of(value: object) -> object:
    return SecretStr.get_secret_value(value) if isinstance(value, SecretStr) else value


def _long_enough(secret: SigningSecret) -> SigningSecret:
    if not secret.accepted or min(map(len, secret.accepted)) < _LEAST_SECRET:
        raise ValueError(f"must have at least {_LEAST_SECRET} characters (in a comma list: each secret)")
    return secret


CommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
"""Secrets separated by commas, at least one: the first is used, the others are accepted during a rotation."""
HttpOrigin = Annotated[str, AfterValidator(_http_origin)]
"""``https://host``, or ``http://host:port`` on loopback; an empty one stays empty."""
WebSocketOrigin = Annotated[str, AfterValidator(_websocket_origin)]
"""``wss://host``, or ``ws://host:port`` on loopback."""
NatsUrl = Annotated[SecretStr, AfterValidator(_nats)]
"""``nats://user:password@host:port``, or ``tls://…``; during a rotation a comma-separated list, one a password."""
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp)]
"""``smtp://user:password@host:port``, or ``smtps://…`` for TLS from the start; user and password percent-encoded."""
Sender = Annotated[str, Field(pattern=r"^[^\r\n]*[^@\s<>]+@[^@\s<>]+>?$")]
"""Sender of mail: an address, with or without a name before it."""
Secret = Annotated[SigningSecret, BeforeValidator(_text_of), AfterValidator(_long_enough)]
"""A secret that signs: too long to be guessed."""
TlsFolder = Annotated[Path | None, AfterValidator(_has_certificate)]
"""Folder of the server's ``tls.crt`` and ``tls.key``; None: no TLS."""
AccountSid = Annotated[str, Field(pattern=r"^AC[0-9A-Za-z]+$")]
"""Twilio's account SID."""


class ProcessSettings(BaseSettings):
    """Settings of every process. One that is not in the environment may be a file in `SECRETS_FOLDER`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        secrets_dir=SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None,  # pydantic warns of a missing folder
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    error_report_url: Annotated[SecretStr, AfterValidator(_https)] = SecretStr("")
    """Where errors are reported (`runtime.error_reports`); empty: nowhere."""
    otel_exporter_otlp_endpoint: HttpOrigin = ""
    """Where traces are sent (`runtime.tracing`); empty: nowhere."""
