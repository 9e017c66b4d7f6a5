"""The world around the host under rehearsal: the vendors by their real names and with TLS, and an authority for all.

Everything listens in the network namespace this runs in. A Caddy stands before the emulated vendors with certificates
of the rehearsal's own authority, which the stand-in images trust; it is also the authority that the host's Caddy asks
for certificates (ACME), under the name that it asks by itself.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import sysconfig
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from sandbox.mail import Mailbox, post_office
from sandbox.recognition.scripted import Scripted
from sandbox.transcribe.emulator import transcribe
from sandbox.twilio.emulator import Number, Twilio, TwilioSettings, twilio

ADDRESS = "198.51.100.1"  # ours, in the namespace outside; 198.51.100.2 is the host's
WEB, MEDIA = "app.bilby.test", "media.bilby.test"
TRANSCRIBE = "transcribestreaming.ap-southeast-2.amazonaws.com"
TWILIO = ("api.sydney.au1.twilio.com", "routes.sydney.au1.twilio.com", "routes.twilio.com", "numbers.twilio.com")
AUTHORITY = "acme-v02.api.letsencrypt.org"
POST = "mail.bilby.test"
NAMES = (TRANSCRIBE, *TWILIO, AUTHORITY, POST)  # all of them at `ADDRESS`
NUMBER = "+61255501234"
_PORTS = {"twilio": 8090, "transcribe": 8091, "smtp": 8025, "mail page": 8026}


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the vendors know us by, and our own secrets: the host's bilby.env."""

    folder: Path
    twilio_account_sid: str = field(default_factory=lambda: "AC" + secrets.token_hex(16))
    twilio_auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    twilio_api_key_sid: str = field(default_factory=lambda: "SK" + secrets.token_hex(16))
    twilio_api_key_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    twilio_twiml_app_sid: str = field(default_factory=lambda: "AP" + secrets.token_hex(16))
    aws_access_key_id: str = field(default_factory=lambda: "AKIA" + secrets.token_hex(8).upper())
    aws_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20))

    def env(self, image: str) -> str:
        """Return the text of bilby.env."""
        values = {
            "WEB_DOMAIN": WEB,
            "MEDIA_DOMAIN": MEDIA,
            "BILBY_IMAGE": image,
            "SESSION_SECRET": secrets.token_hex(32),
            "STREAM_SHARED_SECRET": secrets.token_hex(32),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "POSTGRES_APP_PASSWORD": secrets.token_hex(16),
            **{f"NATS_{name}_PASSWORD": "p" + secrets.token_hex(16) for name in ("MEDIA", "WEB", "PROVISIONING")},
            "TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "TWILIO_AUTH_TOKENS": self.twilio_auth_token,
            "TWILIO_API_KEY_SID": self.twilio_api_key_sid,
            "TWILIO_API_KEY_SECRET": self.twilio_api_key_secret,
            "TWILIO_TWIML_APP_SID": self.twilio_twiml_app_sid,
            "AWS_ACCESS_KEY_ID": self.aws_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.aws_secret_access_key,
            "SMTP_URL": f"smtp://{POST}:{_PORTS['smtp']}",
            "MAIL_FROM": "bilby@bilby.test",
            "DRAIN_SECONDS": "5",
            "WEB_DRAIN_SECONDS": "3",
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())


@asynccontextmanager
async def outside(accounts: Accounts) -> AsyncIterator[tuple[Twilio, Mailbox]]:
    """Run the vendors and the authority; yield the emulated Twilio and the mailbox."""
    voice = f"https://{WEB}/twilio/voice"
    telephone = TwilioSettings(
        account_sid=accounts.twilio_account_sid,
        auth_token=accounts.twilio_auth_token,
        api_key_sid=accounts.twilio_api_key_sid,
        api_key_secret=accounts.twilio_api_key_secret,
        twiml_app_sid=accounts.twilio_twiml_app_sid,
        twiml_app_voice_url=f"{voice}/outbound",
        twiml_app_status_callback=f"{voice}/status",
        port=_PORTS["twilio"],
        numbers=(Number(NUMBER, voice_url=f"{voice}/inbound", status_callback=f"{voice}/status"),),
        say_seconds_per_char=0.01,
    )
    keys = {accounts.aws_access_key_id: accounts.aws_secret_access_key}
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        await enter(transcribe(port=_PORTS["transcribe"], access_keys=keys, recogniser=Scripted))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(accounts.folder / "mail.pem", accounts.folder / "mail.key")
        ports = {"smtp_port": _PORTS["smtp"], "page_port": _PORTS["mail page"]}
        outbox = await enter(post_office(host=ADDRESS, **ports, tls=tls))
        emulator = await enter(twilio(telephone))
        await enter(_front(accounts.folder))
        yield emulator, outbox


@asynccontextmanager
async def _front(folder: Path) -> AsyncIterator[None]:
    """TLS before the vendors, and the authority."""
    (folder / "outside.Caddyfile").write_text(_FRONT.format(folder=folder, **_names()))
    with (folder / "outside.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "TERM"),  # should we be killed
            Path(sysconfig.get_path("scripts")) / "caddy",
            *("run", "--config", folder / "outside.Caddyfile", "--adapter", "caddyfile"),
            env={"HOME": str(folder), "XDG_DATA_HOME": str(folder / "outside"), "XDG_CONFIG_HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        await asyncio.sleep(3)  # it signs its certificates
        if process.returncode is not None:
            raise RuntimeError(f"the front of the vendors did not start: see {folder}/outside.log")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _names() -> dict[str, object]:
    names = {"address": ADDRESS, "transcribe": TRANSCRIBE, "twilio": ", ".join(TWILIO), "authority": AUTHORITY}
    return names | {f"{name}_port": port for name, port in _PORTS.items()}


_FRONT = """
{{
	admin off
	persist_config off
	skip_install_trust
	auto_https disable_redirects
	default_bind {address}
	pki {{
		ca local {{
			root {{
				cert {folder}/ca.pem
				key {folder}/ca.key
			}}
		}}
	}}
}}
{twilio} {{
	tls internal
	reverse_proxy 127.0.0.1:{twilio_port}
}}
https://{transcribe}:8443 {{
	tls internal
	reverse_proxy 127.0.0.1:{transcribe_port}
}}
{authority} {{
	tls internal
	rewrite /directory /acme/local/directory
	acme_server
}}
"""
