"""The sandbox's secrets stay the same and private, and each process is given its own settings and no others."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

import media.config
import provisioning.config
import web.config
from sandbox.config import Addresses, Secrets, Settings, product_environment
from sandbox.engines.processes import StartError

_ADDRESSES = Addresses(
    "postgresql+asyncpg://postgres@/postgres?host=/tmp/x",
    {process: f"nats://{process}:secret-of-{process}@127.0.0.1:4222" for process in ("media", "web", "provisioning")},
)


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    kept = Secrets.kept_in(tmp_path)
    assert Secrets.kept_in(tmp_path) == kept
    assert stat.filemode((tmp_path / "secrets.json").stat().st_mode) == "-rw-------"
    assert Secrets.generate() != Secrets.generate()


def test_rows_whose_key_is_gone_are_not_paved_over(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    with pytest.raises(StartError, match=re.escape(str(tmp_path))):
        Secrets.kept_in(tmp_path)


@pytest.mark.parametrize("text", ["{}", '{"session_secret": "x"}', "not json", "[]"])
def test_secrets_of_another_version_are_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(StartError, match=re.escape(str(tmp_path / "secrets.json"))):
        Secrets.kept_in(tmp_path)


@pytest.mark.parametrize(
    ("process", "settings"),
    [("media", media.config.Settings), ("web", web.config.Settings), ("provisioning", provisioning.config.Settings)],
)
def test_the_product_accepts_what_it_is_given(
    process: str, settings: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = product_environment(process, Settings(), Secrets.kept_in(tmp_path), _ADDRESSES)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings()


def test_media_is_given_no_way_to_the_database(tmp_path: Path) -> None:
    kept = Secrets.kept_in(tmp_path)
    given = json.dumps(product_environment("media", Settings(), kept, _ADDRESSES))
    assert "postgres" not in given
    for secret in (kept.encryption_key, kept.session_secret, kept.twilio_api_key_secret):
        assert secret not in given


@pytest.mark.parametrize("process", ["web", "provisioning"])
def test_who_has_the_database_is_given_no_way_to_hear(process: str, tmp_path: Path) -> None:
    kept = Secrets.kept_in(tmp_path)
    given = json.dumps(product_environment(process, Settings(), kept, _ADDRESSES))
    assert "secret-of-media" not in given
    assert kept.aws_secret_access_key not in given


def test_every_port_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, variable in enumerate(Settings().ports):
        monkeypatch.setenv(variable, str(20_000 + number))
    assert list(Settings().ports.values()) == list(range(20_000, 20_000 + len(Settings().ports)))
    assert Settings().environment()["SANDBOX_WEB_PORT"] == str(Settings().web_port)


@pytest.mark.parametrize("heard", [None, 3])
def test_as_many_calls_as_are_heard_are_the_quota_at_transcribe(tmp_path: Path, heard: int | None) -> None:
    settings = Settings(dir=tmp_path, calls_heard=heard)
    variables = product_environment("media", settings, Secrets.kept_in(tmp_path), _ADDRESSES)
    assert variables.get("TRANSCRIBE_MAX_STREAMS") == (None if heard is None else str(heard))
    assert settings.environment().get("SANDBOX_CALLS_HEARD") == (None if heard is None else str(heard))
