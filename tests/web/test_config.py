"""A wrong or missing setting is one line that names it, never its value, and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from web import config
from web.config import TWILIO_API, Settings

KEY = Fernet.generate_key().decode()
GOOD: Mapping[str, str] = {
    "DATABASE_URL": "postgresql://bilby:hidden-password@127.0.0.1/bilby",
    "ENCRYPTION_KEYS": KEY,
    "NATS_URL": "nats://web:hidden-password@127.0.0.1:4222",
    "WEB_PUBLIC_URL": "https://app.example.com.au",
    "MEDIA_PUBLIC_URL": "wss://media.example.com.au",
    "SESSION_SECRET": "hidden-" + "s" * 32,
    "STREAM_SHARED_SECRET": "hidden-" + "t" * 32,
    "SMTP_URL": "smtp://user:hidden-password@mail.example.com.au:587",
    "MAIL_FROM": "Bilby <bilby@example.com.au>",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKENS": "hidden-one, hidden-two",
    "TWILIO_API_KEY_SID": "SK" + "0" * 32,
    "TWILIO_API_KEY_SECRET": "hidden-secret",
    "TWILIO_TWIML_APP_SID": "AP" + "0" * 32,
}


def _settings(**changed: str) -> Settings:
    values = {name.lower(): value for name, value in {**GOOD, **changed}.items()}
    return Settings.model_validate(values)


def _refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **changed: str) -> str:
    """What stands on stderr when the process ends for want of good settings."""
    for name, value in {**GOOD, **changed}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        config.read()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_good_settings_are_read() -> None:
    settings = _settings(WEB_PUBLIC_URL="https://app.example.com.au/")
    assert settings.web_public_url == "https://app.example.com.au"
    assert settings.twilio_api_base == TWILIO_API
    assert [token.get_secret_value() for token in settings.twilio_auth_tokens] == ["hidden-one", "hidden-two"]
    assert settings.secure
    assert "hidden" not in repr(settings)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/bilby"),
        ("ENCRYPTION_KEYS", "too-short"),
        ("ENCRYPTION_KEYS", " , "),
        ("NATS_URL", "http://127.0.0.1:4222"),
        ("WEB_PUBLIC_URL", "http://app.example.com.au"),
        ("WEB_PUBLIC_URL", "https://app.example.com.au/path"),
        ("WEB_PUBLIC_URL", "https://user@app.example.com.au"),
        ("WEB_PUBLIC_URL", "https://app.example.com.au:port"),
        ("MEDIA_PUBLIC_URL", "ws://media.example.com.au"),
        ("MEDIA_PUBLIC_URL", "https://media.example.com.au"),
        ("SESSION_SECRET", "short"),
        ("STREAM_SHARED_SECRET", "short"),
        ("SESSION_SECRET", "hidden-" + "t" * 32),  # the other one's
        ("SMTP_URL", "mail.example.com.au"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "a@b.example\r\nBcc: c@d.example"),
        ("TWILIO_ACCOUNT_SID", "SK123"),
        ("TWILIO_API_BASE", "https://api.twilio.com"),
        ("TWILIO_API_BASE", "https://api.sydney.au1.twilio.com.evil.example"),
        ("TWILIO_API_BASE", "http://api.sydney.au1.twilio.com"),
        ("TWILIO_API_BASE", "http://127.0.0.1@evil.example"),
        ("TWILIO_API_BASE", "https://api.au1.twilio.com"),
        ("STRIPE_API_BASE", "https://stripe.example"),
        ("TEST_CALL_URL", "http://calls.example.com.au/"),
        ("TEST_CALL_URL", "calls"),
        ("CALL_ROUTING", "conference"),
        ("VOICE_SDK_URL", "http://cdn.example.com.au/twilio.js"),
        ("VOICE_SDK_URL", "https://cdn.example.com.au/twilio.js"),  # without its hash
        ("VOICE_SDK_URL", "https://cdn.example.com.au; script-src */twilio.js"),
        ("VOICE_SDK_INTEGRITY", "sha384-short"),
        ("VOICE_SDK_INTEGRITY", "md5-" + "A" * 22),
        ("VOICE_SDK_INTEGRITY", "sha384-" + "A" * 64),  # without a script
        ("WEB_PORT", "70000"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _settings(**{name: value})
    assert name.lower() in str(refused.value).lower()
    assert "hidden" not in str(refused.value)


def test_a_foreign_script_is_taken_with_its_hash() -> None:
    url, integrity = "https://cdn.example.com.au/twilio.js", f"sha384-{'A' * 64} sha512-{'B' * 86}=="
    settings = _settings(VOICE_SDK_URL=url, VOICE_SDK_INTEGRITY=integrity)
    assert (settings.voice_sdk_url, settings.voice_sdk_integrity) == (url, integrity)
    assert _settings(VOICE_SDK_URL="http://127.0.0.1:8090/voice-sdk.js").voice_sdk_integrity == ""


@pytest.mark.parametrize("base", ["http://127.0.0.1:8090", "http://localhost:8090/", "http://[::1]:8090"])
def test_loopback_may_stand_in_for_twilio(base: str) -> None:
    assert _settings(TWILIO_API_BASE=base).twilio_api_base == base.rstrip("/")


@pytest.mark.parametrize("missing", ["DATABASE_URL", "SESSION_SECRET", "TWILIO_AUTH_TOKENS"])
def test_a_missing_or_empty_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    assert _refused(monkeypatch, capsys, **{missing: ""}).startswith(f"web: {missing}: ")


def test_several_bad_settings_share_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _refused(monkeypatch, capsys, WEB_PORT="many", SESSION_SECRET="hidden")
    assert said.count("\n") == 1
    assert "SESSION_SECRET: " in said
    assert "WEB_PORT: " in said
    assert "hidden" not in said


@pytest.mark.parametrize("module", ["web", "provisioning", "db.migrate", "db.recount", "db.rotate"])
def test_every_process_says_it_the_same_way(module: str) -> None:
    values = {name: value for name, value in GOOD.items() if name != "ENCRYPTION_KEYS"}
    ended = subprocess.run([sys.executable, "-m", module], env=values, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith(f"{module}: ENCRYPTION_KEYS: ")
