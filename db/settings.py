"""Settings of a process with a database: its URL, and the keys of encrypted columns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from db.encryption import Keyring
from db.engine import POOL_SIZE, STATEMENT_SECONDS, Database
from runtime.settings import CommaList, ProcessSettings

SHORTEST_DAYS, LONGEST_DAYS = 1, 3650
"""That a call may stay in the call log."""
_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES = {
    "sslmode": _SSL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "target_session_attrs": ("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
}
"""What asyncpg accepts as the value of a parameter. It looks only when it connects."""
_FILES = ("sslcert", "sslkey", "sslcrl", "passfile")
_UNDERSTOOD = frozenset(
    [
        "host",
        "port",
        "dbname",
        "database",
        "user",
        "password",
        "passfile",
        "service",
        "options",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "sslcrl",
        "sslpassword",
        "sslnegotiation",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "target_session_attrs",
        "krbsrvname",
        "gsslib",
    ]
)
"""Parameters of a connection URL that asyncpg reads as libpq does (``asyncpg.connect``, *dsn*)."""
_OURS = frozenset(
    [
        "application_name",
        "fallback_application_name",
        "connect_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "async_fallback",
        "prepared_statement_cache_size",
    ]
)
"""Parameters that ask for what `db.engine` decides itself: dropped."""


def _database_url(value: SecretStr) -> SecretStr:
    """Return the URL without what asyncpg would pass on to the server, which would then refuse every connection."""
    url = urlsplit(value.get_secret_value().strip())
    if url.scheme not in _SCHEMES:
        raise ValueError("must begin with postgresql://")
    hosts = url.netloc.rpartition("@")[2]
    if url.netloc.count("@") > 1 or "@" in url.path or url.fragment or not _have_ports(hosts):
        raise ValueError(
            "must be postgresql://user:password@host:port/name, with special characters of the password "
            "percent-encoded (/ is %2F, @ %40, # %23)"
        )
    parameters = [kept for name, given in parse_qsl(url.query, True) if (kept := _parameter(name, given))]
    _check_together(dict(parameters))
    query = f"?{urlencode(parameters)}" if parameters else ""
    return SecretStr(f"{url.scheme}://{url.netloc}{url.path}{query}")


def _have_ports(hosts: str) -> bool:
    """Return whether each of ``host:port,host:port`` has a port that is a number, or none."""
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",")]
    return all(map(_is_port, ports))


def _is_port(text: str) -> bool:
    return not text or (text.isdecimal() and 0 < int(text) < 65_536)


def _parameter(name: str, given: str) -> tuple[str, str] | None:
    """Return what to keep of one parameter. Raise `ValueError` for one that cannot be honoured."""
    if name == "ssl":  # as other drivers call it
        name, given = "sslmode", {"true": "require", "false": "disable"}.get(given, given)
    if name in _CHOICES and given not in _CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}")
    if name == "port" and not all(map(_is_port, given.split(","))):
        raise ValueError("port must be a number from 1 to 65535")
    if name in _FILES and not Path(given).expanduser().is_file():
        raise ValueError(f"{name} names a file that does not exist")
    if name in ("channel_binding", "gssencmode"):
        if given == "require":
            raise ValueError(f"{name}=require is not supported: remove it; sslmode=verify-full proves the server")
        return None
    if name in _OURS:
        return None
    if name not in _UNDERSTOOD:
        raise ValueError(f"has a parameter that is not understood: {name[:40]!r}")
    return name, given


def _check_together(parameters: dict[str, str]) -> None:
    """Raise `ValueError` for what asyncpg would refuse when it connects, long after the process has started."""
    if parameters.get("sslnegotiation") == "direct" and parameters.get("sslmode") not in _SSL_MODES[3:]:
        raise ValueError(f"sslnegotiation=direct needs sslmode to be one of {', '.join(_SSL_MODES[3:])}")
    if "sslkey" in parameters and "sslcert" not in parameters:
        raise ValueError("sslkey needs sslcert beside it")
    if parameters.get("sslmode", "").startswith("verify-"):
        file = Path(parameters.get("sslrootcert", "~/.postgresql/root.crt")).expanduser()
        if not file.is_file():
            raise ValueError(f"sslmode={parameters['sslmode']} needs sslrootcert=FILE, and the file must exist")


def _encryption_keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    try:
        Keyring([key.get_secret_value() for key in value])
    except ValueError:
        raise ValueError("must be Fernet keys (32 bytes, URL-safe base64), parted by commas") from None
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
"""``postgresql://user:password@host:port/name``, with libpq's parameters as far as asyncpg knows them."""
EncryptionKeys = Annotated[CommaList, AfterValidator(_encryption_keys)]
"""Fernet keys parted by commas; the first one encrypts."""


class DatabaseSettings(ProcessSettings):
    """Settings to open the database and read it."""

    database_url: DatabaseUrl
    encryption_keys: EncryptionKeys

    def database(
        self, application: str, *, pool_size: int = POOL_SIZE, statement_seconds: float = STATEMENT_SECONDS
    ) -> Database:
        """Return the database; ``application`` names this process in pg_stat_activity."""
        return self._opened(self.database_url, application, pool_size, statement_seconds)

    def _opened(self, url: SecretStr, application: str, pool_size: int, statement_seconds: float) -> Database:
        return Database(
            url.get_secret_value(),
            [key.get_secret_value() for key in self.encryption_keys],
            pool_size=pool_size,
            application=application,
            statement_seconds=statement_seconds,
        )


class RetentionSettings(ProcessSettings):
    """How long rows are kept unless an organisation has set another period."""

    call_log_days: Annotated[int, Field(ge=SHORTEST_DAYS, le=LONGEST_DAYS)] = 400
    """Days after which a call is deleted from the call log."""


class OwnerSettings(DatabaseSettings):
    """Settings of the commands that alter tables: the owner's URL beside that of web and provisioning."""

    migrate_database_url: DatabaseUrl | None = None
    """URL of the tables' owner; without it ``DATABASE_URL`` is used."""

    @property
    def owner_url(self) -> SecretStr:
        """The owner's URL."""
        return self.migrate_database_url or self.database_url

    @property
    def application_url(self) -> str | None:
        """The URL of web and provisioning, if it differs from the owner's."""
        ours = self.database_url.get_secret_value()
        return None if ours == self.owner_url.get_secret_value() else ours

    def owners_database(self, application: str, *, statement_seconds: float = STATEMENT_SECONDS) -> Database:
        """Return the database as its owner, with one connection."""
        return self._opened(self.owner_url, application, 1, statement_seconds)
