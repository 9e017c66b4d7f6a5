"""Secrets during a rotation, and secrets in files instead of variables."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from media.config import Settings as Media
from protocol.tickets import TicketError, sign_stream, verify_stream
from provisioning.config import Settings as Provisioning
from runtime.settings import ProcessSettings, Secret
from web.config import Settings as Web

OLD, NEW = "o" * 32, "n" * 32
_SECRET = TypeAdapter(Secret).validate_python
_REQUIRED: dict[type[ProcessSettings], dict[str, str]] = {
    Media: {
        "nats_url": "nats://media:pw@nats:4222",
        "media_public_url": "wss://media.example.com.au",
        "web_public_url": "https://app.example.com.au",
        "stream_shared_secret": NEW,
        "twilio_account_sid": "AC0",
        "twilio_auth_tokens": "one,two",
        "aws_region": "ap-southeast-2",
    },
    Web: {
        "database_url": "postgresql://bilby:pw@postgres/bilby",
        "encryption_keys": "A" * 43 + "=",
        "nats_url": "nats://web:pw@nats:4222",
        "media_public_url": "wss://media.example.com.au",
        "web_public_url": "https://app.example.com.au",
        "session_secret": OLD,
        "stream_shared_secret": NEW,
        "twilio_account_sid": "AC0",
        "twilio_auth_tokens": "one,two",
        "twilio_api_key_sid": "SK0",
        "twilio_api_key_secret": "secret",
        "twilio_twiml_app_sid": "AP0",
        "smtp_url": "smtp://mail.example.com.au",
        "mail_from": "bilby@example.com.au",
    },
    Provisioning: {"database_url": "postgresql://bilby:pw@postgres/bilby", "encryption_keys": "A" * 43 + "="},
}


def folder_with(place: Path, values: dict[str, str]) -> Path:
    """Return a folder with one file for each value, ending in a newline as editors write it."""
    for name, value in values.items():
        (place / name).write_text(value + "\n")
        (place / name).chmod(stat.S_IRUSR)
    return place


def test_the_first_of_two_signs_and_both_are_accepted() -> None:
    secret = _SECRET(f"{NEW}, {OLD}")
    assert secret.get_secret_value() == NEW
    assert secret.accepted == (NEW, OLD)
    assert _SECRET(secret) == secret


@pytest.mark.parametrize("given", ["", ",", "short", f"{NEW},short"])
def test_each_of_them_is_long_enough(given: str) -> None:
    with pytest.raises(ValidationError):
        _SECRET(given)


def test_no_secret_is_shown() -> None:
    assert NEW not in repr(_SECRET(f"{NEW},{OLD}"))
    assert OLD not in str(_SECRET(f"{NEW},{OLD}"))


def test_a_ticket_of_the_leaving_secret_still_opens() -> None:
    token = sign_stream(OLD, org="o", call="CA1", direction="inbound")
    assert verify_stream((NEW, OLD), token).call == "CA1"
    with pytest.raises(TicketError):
        verify_stream((NEW,), token)


@pytest.mark.parametrize("process", _REQUIRED)
def test_every_setting_of_every_process_may_be_a_file(
    process: type[ProcessSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = _REQUIRED[process]
    for name in values:
        monkeypatch.setenv(name.upper(), "")  # as compose leaves a variable that nobody set
    read: Any = process(_secrets_dir=folder_with(tmp_path, values))
    plain: Any = process.model_validate(values)
    assert read.model_dump() == plain.model_dump()


def test_a_variable_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_SHARED_SECRET", OLD)
    assert Media(_secrets_dir=folder_with(tmp_path, _REQUIRED[Media])).stream_shared_secret.accepted == (OLD,)
