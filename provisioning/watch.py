"""Monitor what only provisioning watches: figures of the database, expiry of certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from db import figures
from db.engine import Database, DatabaseUnavailableError
from provisioning import metrics
from provisioning.config import Settings
from runtime import background

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Intervals and time limits, in seconds."""

    database: float = 15.0
    certificates: float = 3600.0
    answer: float = 10.0
    """Time limit of one check."""


def certificates_of(urls: Mapping[str, str]) -> Mapping[str, tuple[str, int]]:
    """Return host and port, by name, of each of ``urls`` that uses TLS."""
    parts = {name: urlsplit(url) for name, url in urls.items() if url}
    return {
        name: (url.hostname, url.port or 443)
        for name, url in parts.items()
        if url.scheme in ("https", "wss") and url.hostname
    }


class Watch:
    """Read the figures of ``database`` and the expiry of each certificate until cancelled."""

    def __init__(
        self, database: Database, certificates: Mapping[str, tuple[str, int]], timing: Timing | None = None
    ) -> None:
        self._database = database
        self._certificates = certificates
        self._timing = timing or Timing()

    async def run(self) -> None:
        """Run both checks, each at its own interval."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_database())
            tasks.create_task(self._watch_certificates())

    async def _watch_database(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._timing.answer), self._database.begin() as session:
                    metrics.set_gauges(await figures.read(session))
            except (DatabaseUnavailableError, TimeoutError) as error:
                metrics.DATABASE_UP.set(0)
                _log.warning("database unavailable", error=type(error).__name__)
            await asyncio.sleep(self._timing.database)

    async def _watch_certificates(self) -> None:
        for name in self._certificates:
            metrics.CERTIFICATE_FAILURES.labels(name)  # start at 0, so that the first one shows as an increase
        while True:
            for name, (host, port) in self._certificates.items():
                try:
                    async with asyncio.timeout(self._timing.answer):
                        metrics.CERTIFICATE_EXPIRES.labels(name).set((await expiry(host, port)).timestamp())
                except (OSError, TimeoutError, ValueError) as error:
                    metrics.CERTIFICATE_FAILURES.labels(name).inc()
                    _log.warning("certificate check failed", name=name, error=type(error).__name__)
            await asyncio.sleep(self._timing.certificates)


async def expiry(host: str, port: int, context: ssl.SSLContext | None = None) -> datetime:
    """Return when the certificate of ``host`` expires. Raise OSError if it cannot be reached or is not trusted."""
    _, writer = await asyncio.open_connection(host, port, ssl=context or ssl.create_default_context())
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


@asynccontextmanager
async def watched(settings: Settings, database: Database, timing: Timing | None = None) -> AsyncIterator[None]:
    """Watch the database and the certificates of the public names while the block runs."""
    urls = {"web": settings.web_public_url, "media": settings.media_public_url}
    watch = Watch(database, certificates_of(urls), timing)
    async with background.running(watch.run()):
        yield
