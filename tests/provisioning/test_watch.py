"""Provisioning tells how it does: jobs that wait, the database, backups, certificates."""

from __future__ import annotations

import asyncio
import math
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from db.engine import Database
from db.models import Backup, Recount
from provisioning import metrics, schedule
from provisioning.config import Settings
from provisioning.status import status
from provisioning.watch import Timing, certificates_of, expiry, watched
from tests.kit.web.cast import Cast

_QUICK = Timing(database=0.05, certificates=0.05, answer=5)


@asynccontextmanager
async def _watching(database: Database, port: int) -> AsyncIterator[str]:
    """The watch over ``database``, and where its figures can be read."""
    key = Fernet.generate_key().decode()
    settings = Settings.model_validate(
        {"provisioning_port": port, "database_url": "postgresql://127.0.0.1/none", "encryption_keys": key}
    )
    async with status(settings, database), watched(settings, database, _QUICK):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def url(database: Database, free_port: Callable[[], int]) -> AsyncIterator[str]:
    async with _watching(database, free_port()) as where:
        yield where


async def _figure(url: str, name: str) -> float | None:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        lines = (await answer.text()).splitlines()
    found = [line for line in lines if line.partition(" ")[0] == name]
    return float(found[0].rpartition(" ")[2]) if found else None


async def _until(ask: Callable[[], Awaitable[float | None]], least: float, most: float = math.inf) -> None:
    """Wait until the figure lies between the two."""
    async with asyncio.timeout(60):
        while not least <= (await ask() or 0.0) <= most:  # noqa: ASYNC110 (a figure has no event)
            await asyncio.sleep(0.05)


async def test_the_database_is_measured(url: str) -> None:
    await _until(lambda: _figure(url, "bilby_database_up"), 1)
    await _until(lambda: _figure(url, "bilby_database_connections_limit"), 10)
    await _until(lambda: _figure(url, "bilby_database_connections"), 1)
    await _until(lambda: _figure(url, "bilby_database_bytes"), 1_000_000)


async def test_jobs_that_wait_are_counted_by_kind_and_age(url: str, database: Database) -> None:
    metrics.export_zeros(["order", "mail"])
    await _until(lambda: _figure(url, 'bilby_jobs_due{job="mail"}'), 0, 0)
    added = "INSERT INTO pgqueuer (priority, status, entrypoint, execute_after) VALUES "
    async with database.begin() as session:
        await session.execute(text(f"{added} (0, 'queued', 'order', now() - interval '10 minutes')"))
        await session.execute(text(f"{added} (0, 'queued', 'order', now() + interval '1 hour')"))
        await session.execute(text(f"{added} (0, 'failed', 'mail', now() - interval '1 hour')"))
    # Each is waited for: the figures are the process's, and may still be those of an earlier test.
    await _until(lambda: _figure(url, "bilby_jobs_oldest_seconds"), 590, 700)
    await _until(lambda: _figure(url, 'bilby_jobs_due{job="order"}'), 1, 1)
    await _until(lambda: _figure(url, 'bilby_jobs_held{job="mail"}'), 1, 1)
    async with database.begin() as session:
        await session.execute(text("DELETE FROM pgqueuer"))
    await _until(lambda: _figure(url, 'bilby_jobs_due{job="order"}'), 0, 0)
    await _until(lambda: _figure(url, "bilby_jobs_oldest_seconds"), 0, 0)


async def test_changes_of_calls_that_are_not_counted_yet_have_an_age(
    url: str, database: Database, cast: Cast
) -> None:
    await schedule.recount_calls(database)
    await _until(lambda: _figure(url, "bilby_uncounted_seconds"), 0, 0)
    async with database.begin() as session:
        noted_at = datetime.now(UTC) - timedelta(minutes=10)
        session.add(Recount(organisation_id=cast.a.id, noted_at=noted_at))
    await _until(lambda: _figure(url, "bilby_uncounted_seconds"), 590, 700)
    await schedule.recount_calls(database)
    await _until(lambda: _figure(url, "bilby_uncounted_seconds"), 0, 0)


async def test_the_newest_proved_backup_is_known(url: str, database: Database) -> None:
    async with database.begin() as session:
        session.add(Backup(bytes=12345))
    await _until(lambda: _figure(url, "bilby_backup_timestamp_seconds"), 1_700_000_000)


async def test_a_lost_database_is_said(free_port: Callable[[], int], encryption_key: str) -> None:
    nowhere = Database(f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/none", [encryption_key])
    metrics.DATABASE_UP.set(1)
    async with _watching(nowhere, free_port()) as url:
        await _until(lambda: _figure(url, "bilby_database_up"), 0, 0)
    await nowhere.close()


def test_certificates_are_those_of_public_names_with_tls() -> None:
    urls = {"web": "https://app.example.com.au", "media": "wss://media.example.com.au:8443", "none": ""}
    assert certificates_of(urls) == {"web": ("app.example.com.au", 443), "media": ("media.example.com.au", 8443)}
    assert certificates_of({"web": "http://127.0.0.1:8080"}) == {}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with a key and a self-signed certificate of localhost."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
    files = [
        "-keyout",
        str(tmp_path / "key"),
        "-out",
        str(tmp_path / "crt"),
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run([*made, *files], check=True, capture_output=True)
    ends = ["openssl", "x509", "-in", str(tmp_path / "crt"), "-noout", "-enddate", "-out", str(tmp_path / "ends")]
    subprocess.run(ends, check=True)
    return tmp_path


async def test_when_a_certificate_ends_is_read_from_the_name_itself(certificate: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate / "crt", certificate / "key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    async with server:
        ends = await expiry("localhost", port, ssl.create_default_context(cafile=str(certificate / "crt")))
        said = (certificate / "ends").read_text().strip()
        assert ends.timestamp() == ssl.cert_time_to_seconds(said.removeprefix("notAfter="))
        with pytest.raises(ssl.SSLError):
            await expiry("localhost", port)
