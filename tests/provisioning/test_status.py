"""The worker's own answers to health checks."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from db.engine import Database
from provisioning.config import Settings
from provisioning.status import status


def settings_with(port: int, url: str, key: str) -> Settings:
    return Settings.model_validate({"provisioning_port": port, "database_url": url, "encryption_keys": key})


async def test_it_is_ready_while_its_database_answers(
    database: Database, database_url: str, encryption_key: str, free_port: Callable[[], int]
) -> None:
    port = free_port()
    async with status(settings_with(port, database_url, encryption_key), database), aiohttp.ClientSession() as http:
        for path in ("healthz", "readyz"):
            async with http.get(f"http://127.0.0.1:{port}/{path}") as answer:
                assert answer.status == 200


async def test_it_is_alive_but_not_ready_without_its_database(
    database_url: str, encryption_key: str, free_port: Callable[[], int]
) -> None:
    port, nobody = free_port(), free_port()
    lost = Database(f"postgresql+asyncpg://bilby@127.0.0.1:{nobody}/bilby", [encryption_key])
    async with status(settings_with(port, database_url, encryption_key), lost), aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 503
    await lost.close()


async def test_a_port_that_is_taken_is_one_line(
    database: Database,
    database_url: str,
    encryption_key: str,
    free_port: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_with(free_port(), database_url, encryption_key)
    async with status(settings, database):
        with pytest.raises(SystemExit) as ended:
            async with status(settings, database):
                pass
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("provisioning: PROVISIONING_PORT: ")
