"""Wrong settings of media are one line that names them, and exit status 2; secrets are never in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from media import config

_ROOT = Path(__file__).parents[2]
GOOD = {
    "NATS_URL": "nats://media:hidden@127.0.0.1:4222",
    "MEDIA_HOST": "127.0.0.1",
    "MEDIA_PORT": "0",
    "MEDIA_PUBLIC_URL": "wss://media.example.com.au",
    "WEB_PUBLIC_URL": "https://app.example.com.au",
    "STREAM_SHARED_SECRET": "hidden-" + "s" * 32,
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKENS": "hidden-one,hidden-two",
    "AWS_REGION": "ap-southeast-2",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    settings = config.read()
    assert [token.get_secret_value() for token in settings.twilio_auth_tokens] == ["hidden-one", "hidden-two"]
    assert settings.transcribe_endpoint == config.TRANSCRIBE_ENDPOINT
    assert settings.transcribe_max_streams == 25
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, None) for name in GOOD if name not in ("MEDIA_HOST", "MEDIA_PORT")]
    + [
        ("AWS_REGION", "us-east-1"),
        ("TRANSCRIBE_ENDPOINT", "wss://transcribestreaming.us-east-1.amazonaws.com:8443"),
        ("TRANSCRIBE_ENDPOINT", "wss://127.0.0.1.example.com"),
        ("MEDIA_PUBLIC_URL", "ws://media.example.com.au"),
        ("MEDIA_PUBLIC_URL", "wss://media.example.com.au/path"),
        ("WEB_PUBLIC_URL", "http://app.example.com.au"),
        ("STREAM_SHARED_SECRET", "hidden"),
        ("TWILIO_AUTH_TOKENS", " , "),
        ("TWILIO_ACCOUNT_SID", "hidden"),
        ("TRANSCRIBE_MAX_STREAMS", "0"),
        ("MEDIA_PORT", "hidden"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_one_is_one_line_and_status_2(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        config.read()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"media: {name}: ")
    assert said.count("\n") == 1
    assert "hidden" not in said


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = subprocess.run(
            [sys.executable, "-m", "media"],
            cwd=_ROOT,
            env=GOOD | {"MEDIA_PORT": port, "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"media: MEDIA_PORT: {port}: ")
    assert ran.stderr.count("\n") == 1
