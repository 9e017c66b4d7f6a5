"""The two options of one host, put on while calls go on: TLS between the parts, and secrets from files."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.rehearsal.host import ROOT, StepError, compose, ready, run

_PROCESS_USER = 10001  # as Dockerfile has it
_PASSWORDS = ("NATS_MEDIA_PASSWORD", "NATS_WEB_PASSWORD", "NATS_PROVISIONING_PASSWORD")
_AS_THEY_ARE = (
    "ENCRYPTION_KEYS",
    "SESSION_SECRET",
    "SMTP_URL",
    "STREAM_SHARED_SECRET",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "TWILIO_API_KEY_SECRET",
    "TWILIO_AUTH_TOKENS",
)
_VERIFIED = "?sslmode=verify-full&sslrootcert=/authority/ca.crt"


async def encrypt() -> None:
    """Make certificates, and let all parts speak TLS with each other."""
    await run("deploy/certificates.sh")
    _add("COMPOSE_FILE", ":", "deploy/compose.tls.yaml")
    await compose("up", "--detach", "--wait")
    await ready()
    await _check_postgres()


async def secrets_from_files() -> None:
    """Move every secret into a file. Raise `StepError` if `docker inspect` still shows one."""
    settings = _settings()
    _write(settings)
    _add("COMPOSE_FILE", ":", "deploy/compose.secrets.yaml")
    _add("COMPOSE_ENV_FILES", ",", "deploy/in-files.env")
    await compose("up", "--detach", "--wait")
    await ready()
    shown = await run("docker", "inspect", *(await compose("ps", "--quiet")).split())
    seen = [name for name in (*_AS_THEY_ARE, *_PASSWORDS) if (secret := settings.get(name)) and secret in shown]
    if seen:
        raise StepError(f"docker inspect still shows {', '.join(seen)}")


async def _check_postgres() -> None:
    """Raise `StepError` if a client outside PostgreSQL's container reaches it without TLS."""
    ask = (
        "SELECT coalesce(application_name, ''), ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE client_addr IS NOT NULL"
    )
    rows = (await compose("exec", "-T", "postgres", "psql", "-U", "bilby", "-d", "bilby", "-Atc", ask)).split("\n")
    clients = [row for row in rows if row]
    plain = [row for row in clients if not row.endswith("|t")]
    if plain or not clients:
        raise StepError(f"connections to PostgreSQL without TLS: {', '.join(plain) or 'there is none at all'}")


def _add(variable: str, separator: str, file: str) -> None:
    os.environ[variable] += f"{separator}{ROOT / file}"  # noqa: TID251 (Docker's own variables)


def _settings() -> dict[str, str]:
    """What bilby.env says now."""
    lines = Path(os.environ["COMPOSE_ENV_FILES"]).read_text().splitlines()  # noqa: TID251
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _write(settings: dict[str, str]) -> None:
    """The files of deploy/secrets, as compose.secrets.yaml explains them, with the URLs of compose.tls.yaml."""
    folder = ROOT / "deploy" / "secrets"
    folder.mkdir(mode=0o700)
    application, owner = settings["POSTGRES_APP_PASSWORD"], settings["POSTGRES_PASSWORD"]
    key, secret = settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]
    files = {name.lower(): settings.get(name, "") for name in _AS_THEY_ARE}
    files |= {
        "database_url": f"postgresql+asyncpg://bilby_app:{application}@postgres/bilby{_VERIFIED}",
        "migrate_database_url": f"postgresql+asyncpg://bilby:{owner}@postgres/bilby{_VERIFIED}",
        "aws_credentials": f"[default]\naws_access_key_id={key}\naws_secret_access_key={secret}\n",
    }
    for name in _PASSWORDS:
        user = name.split("_")[1].lower()
        files[f"nats_url_{user}"] = f"tls://{user}:{settings[name]}@nats:4222"
    for name, text in files.items():
        _put(folder / name, text, _PROCESS_USER)
    for name, text in {
        **{name.lower(): settings[name] for name in _PASSWORDS},
        "postgres_password": owner,
        "pgpass": f"postgres:5432:*:bilby:{owner}",
    }.items():
        _put(folder / name, text, 0)


def _put(file: Path, text: str, user: int) -> None:
    file.write_text(text)
    os.chown(file, user, user)
    file.chmod(0o400)
