"""Settings of the sandbox, the secrets it makes up once, and the environment it gives each process of the product.

Every port and the folder are settings (``SANDBOX_…``), so that two sandboxes live on one machine.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cryptography.fernet import Fernet
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.engines.processes import StartError
from sandbox.recognition.choice import Speech

HOST = "127.0.0.1"  # never anything else: the vendors here believe everybody
OPERATOR = "olivia@bluegum.example"  # the demo organisation's owner, who runs this machine as well
NUMBER = "+61255501234"  # the demo organisation's, in a range reserved for fiction

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """``SANDBOX_DIR``, ``SANDBOX_SPEECH``, ``SANDBOX_CALLS_HEARD`` and one ``SANDBOX_…_PORT`` each.

    ``calls_heard``: how many calls the recogniser may hear at once: the emulated Transcribe's quota. None: what
    this machine can bear.
    """

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore", env_ignore_empty=True)

    dir: Path = Path(".sandbox")
    speech: Speech = "auto"
    calls_heard: Annotated[int, Field(ge=1, le=1000)] | None = None
    web_port: Port = 8080
    media_port: Port = 8081
    media_workers: Annotated[int, Field(ge=1, le=8)] = 1
    twilio_port: Port = 8090
    transcribe_port: Port = 8091
    amazon_port: Port = 8095
    stripe_port: Port = 8092
    identity_port: Port = 8096
    smtp_port: Port = 8025
    mail_port: Port = 8026
    nats_port: Port = 4222

    @property
    def ports(self) -> dict[str, int]:
        """Every port we listen on, by the variable that changes it."""
        names = [name for name in type(self).model_fields if name.endswith("_port")]
        return {f"SANDBOX_{name.upper()}": getattr(self, name) for name in names}

    def environment(self) -> dict[str, str]:
        """Return these settings as variables, for the outside world's process."""
        given = {f"SANDBOX_{name.upper()}": str(value) for name, value in self if value is not None}
        return given | {"SANDBOX_DIR": str(self.dir.absolute())}

    @property
    def web_url(self) -> str:
        """Where people open Bilby."""
        return f"http://{HOST}:{self.web_port}"

    @property
    def media_url(self) -> str:
        """Where Twilio and consoles open their sockets."""
        return f"ws://{HOST}:{self.media_port}"

    @property
    def twilio_url(self) -> str:
        """The emulated Twilio's REST API, its voice-sdk.js, and the page that places test calls."""
        return f"http://{HOST}:{self.twilio_port}"

    @property
    def stripe_url(self) -> str:
        """The emulated Stripe's REST API, its hosted pages, and the page that moves its clock."""
        return f"http://{HOST}:{self.stripe_port}"

    @property
    def identity_url(self) -> str:
        """The emulated identity provider's issuer, and the page that says how to use it."""
        return f"http://{HOST}:{self.identity_port}"

    @property
    def outbox_url(self) -> str:
        """The page of all letters sent."""
        return f"http://{HOST}:{self.mail_port}"


def _hex(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must stay the same from one start to the next, or the rows could not be read any more."""

    session_secret: str
    stream_shared_secret: str
    encryption_key: str
    twilio_account_sid: str
    twilio_auth_token: str
    twilio_api_key_sid: str
    twilio_api_key_secret: str
    twilio_twiml_app_sid: str
    aws_access_key_id: str
    aws_secret_access_key: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    stripe_price_id: str

    @classmethod
    def generate(cls) -> Secrets:
        """Make fresh secrets, each of its vendor's own shape."""
        return cls(
            session_secret=secrets.token_hex(32),
            stream_shared_secret=secrets.token_hex(32),
            encryption_key=Fernet.generate_key().decode(),
            twilio_account_sid=_hex("AC"),
            twilio_auth_token=_hex(""),
            twilio_api_key_sid=_hex("SK"),
            twilio_api_key_secret=secrets.token_urlsafe(24),
            twilio_twiml_app_sid=_hex("AP"),
            aws_access_key_id="AKIA" + secrets.token_hex(8).upper(),
            aws_secret_access_key=secrets.token_urlsafe(30),
            stripe_secret_key=_hex("sk_test_"),
            stripe_webhook_secret=_hex("whsec_"),
            stripe_price_id=_hex("price_"),
        )

    @classmethod
    def kept_in(cls, folder: Path) -> Secrets:
        """Return the ones in ``folder``/secrets.json, made at the first call. Raise `StartError`."""
        place = folder / "secrets.json"
        if not place.exists():
            if (folder / "postgres" / "cluster").exists():
                raise StartError(f"{place} is gone, and with it the key to the rows beside it: remove {folder}")
            _write_private(place, json.dumps(asdict(cls.generate()), indent=2))
        try:
            return cls(**json.loads(place.read_text()))
        except (ValueError, TypeError):
            raise StartError(f"{place} is another version's: remove {folder} to start afresh") from None


def _write_private(place: Path, text: str) -> None:
    """Write the whole text or, if we are killed meanwhile, nothing."""
    fresh = place.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(place)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts that are only known once they run have come to listen."""

    database_url: str
    nats_urls: dict[str, str]  # by process


def product_environment(process: str, settings: Settings, kept: Secrets, addresses: Addresses) -> dict[str, str]:
    """Return the variables of ``media``, ``web`` or ``provisioning``: as in production, but for the URLs."""
    common = {
        "NATS_URL": addresses.nats_urls[process],
        "WEB_PUBLIC_URL": settings.web_url,
        "TWILIO_ACCOUNT_SID": kept.twilio_account_sid,
        "TWILIO_AUTH_TOKENS": kept.twilio_auth_token,
    }
    return common | {"media": _media, "web": _web, "provisioning": _provisioning}[process](settings, kept, addresses)


def _media(settings: Settings, kept: Secrets, _: Addresses) -> dict[str, str]:
    quota = {} if settings.calls_heard is None else {"TRANSCRIBE_MAX_STREAMS": str(settings.calls_heard)}
    return quota | {
        "MEDIA_HOST": HOST,
        "MEDIA_PORT": str(settings.media_port),
        "MEDIA_WORKERS": str(settings.media_workers),
        "MEDIA_PUBLIC_URL": settings.media_url,
        "STREAM_SHARED_SECRET": kept.stream_shared_secret,
        "AWS_REGION": "ap-southeast-2",
        "AWS_ACCESS_KEY_ID": kept.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": kept.aws_secret_access_key,
        "TRANSCRIBE_ENDPOINT": f"ws://{HOST}:{settings.transcribe_port}",
        "TRANSCRIBE_API_BASE": f"http://{HOST}:{settings.amazon_port}",
        "TRANSLATE_API_BASE": f"http://{HOST}:{settings.amazon_port}",
        "LIVE_TRANSLATION": "on",
        "DRAIN_SECONDS": "0",  # Ctrl-C ends the simulated callers, too
    }


def _web(settings: Settings, kept: Secrets, addresses: Addresses) -> dict[str, str]:
    return _provisioning(settings, kept, addresses) | {
        "WEB_HOST": HOST,
        "WEB_PORT": str(settings.web_port),
        "WEB_DRAIN_SECONDS": "0",
        "MEDIA_PUBLIC_URL": settings.media_url,
        "SESSION_SECRET": kept.session_secret,
        "STREAM_SHARED_SECRET": kept.stream_shared_secret,
        "STRIPE_WEBHOOK_SECRET": kept.stripe_webhook_secret,
        "VOICE_SDK_URL": f"{settings.twilio_url}/voice-sdk.js",
        "TEST_CALL_URL": f"{settings.twilio_url}/sandbox/calls",
        "OPERATOR_EMAILS": OPERATOR,
        "LIVE_TRANSLATION": "on",
    }


def _provisioning(settings: Settings, kept: Secrets, addresses: Addresses) -> dict[str, str]:
    return {
        "DATABASE_URL": addresses.database_url,
        "ENCRYPTION_KEYS": kept.encryption_key,
        "TWILIO_API_KEY_SID": kept.twilio_api_key_sid,
        "TWILIO_API_KEY_SECRET": kept.twilio_api_key_secret,
        "TWILIO_TWIML_APP_SID": kept.twilio_twiml_app_sid,
        "TWILIO_API_BASE": settings.twilio_url,
        "STRIPE_API_BASE": settings.stripe_url,
        "STRIPE_SECRET_KEY": kept.stripe_secret_key,
        "STRIPE_PRICE_ID": kept.stripe_price_id,
        "SMTP_URL": f"smtp://{HOST}:{settings.smtp_port}",
        "MAIL_FROM": "Bilby <bilby@example.com.au>",
    }
