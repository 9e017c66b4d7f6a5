"""How a process with a database reads its settings: once, from the environment, and all of them or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.encryption import Keyring
from db.engine import STATEMENT_SECONDS, Database

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_AnySettings = TypeVar("_AnySettings", bound=BaseSettings)


def load(process: str, settings: Callable[[], _AnySettings]) -> _AnySettings:
    """The settings; or one line on stderr that names what is wrong with each bad variable, and exit status 2."""
    try:
        return settings()
    except ValidationError as error:
        stop(process, "; ".join(_complaint(detail) for detail in error.errors(include_input=False)))


def stop(process: str, complaint: str) -> NoReturn:
    """End the process for a reason the operator can mend: one line on stderr, exit status 2."""
    print(f"{process}: {complaint}", file=sys.stderr)  # noqa: T201 (there is no log yet)
    raise SystemExit(2)


def origin(value: str, secure: str, plain: str) -> str:
    """``value`` as an origin without a trailing slash: scheme ``secure`` anywhere, ``plain`` on loopback alone."""
    url = urlsplit(value.rstrip("/"))
    if not _is_bare(value.rstrip("/")):
        raise ValueError(f"must be an origin such as {secure}://example.com.au")
    if url.scheme == secure or (url.scheme == plain and url.hostname in LOOPBACK):
        return value.rstrip("/")
    raise ValueError(f"must begin with {secure}:// ({plain}:// only on loopback)")


def vendor(value: str, real: str) -> str:
    """``value`` as the address of a vendor: the ``real`` one, or one on loopback. Any other would leave Australia."""
    value = value.rstrip("/")
    if value != real and not (_is_bare(value) and urlsplit(value).hostname in LOOPBACK):
        raise ValueError(f"must be {real} or an address on loopback")
    return value


def smtp(value: SecretStr) -> SecretStr:
    """``value`` as the address of a server that takes mail."""
    url = urlsplit(value.get_secret_value())
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("must be smtp://user:password@host:port, or smtps://… for TLS from the start")
    return value


def split(value: object) -> object:
    """A comma list as a tuple, blanks left out."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _is_bare(value: str) -> bool:
    """Whether ``value`` is scheme, host and perhaps port, and nothing else."""
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        return False
    host = f"[{url.hostname}]" if url.hostname and ":" in url.hostname else url.hostname
    return value == f"{url.scheme}://{host}" + ("" if port is None else f":{port}")


def _database_url(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise ValueError("must begin with postgresql://")
    return value


def _encryption_keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    try:
        Keyring([key.get_secret_value() for key in value])
    except ValueError:
        raise ValueError("must be Fernet keys (32 bytes, URL-safe base64), parted by commas") from None
    return value


def _complaint(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"][:1]).upper()
    reason = "is not set" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
    return f"{name}: {reason}" if name else reason


CommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
"""Secrets parted by commas, at least one: the first is used, the others are still accepted during a rotation."""
SmtpUrl = Annotated[SecretStr, AfterValidator(smtp)]
Sender = Annotated[str, Field(pattern=r"^[^\r\n]*[^@\s<>]+@[^@\s<>]+>?$")]
"""Whom mail is from: an address, with or without a name before it."""


class ProcessSettings(BaseSettings):
    """What every process reads."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class DatabaseSettings(ProcessSettings):
    """What is needed to open the database and read what stands in it."""

    database_url: Annotated[SecretStr, AfterValidator(_database_url)]
    encryption_keys: Annotated[CommaList, AfterValidator(_encryption_keys)]

    def database(
        self, application: str, *, pool_size: int = 10, statement_seconds: float = STATEMENT_SECONDS
    ) -> Database:
        """The database, shown as ``application`` in pg_stat_activity."""
        keys = [key.get_secret_value() for key in self.encryption_keys]
        return Database(self.database_url.get_secret_value(), keys, pool_size=pool_size, application=application)
