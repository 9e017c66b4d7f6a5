"""compose.yaml as the real Docker Compose reads it, alone and with each file that can be added."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

_DEPLOY = Path(__file__).parents[2] / "deploy"
_COMPOSE = Path(sysconfig.get_path("scripts")) / "docker-compose"
_PROCESSES = ("media", "web", "provisioning", "migrate")
_SECRET = re.compile(r"SECRET|PASSWORD|TOKENS|KEYS|ACCESS_KEY_ID|(DATABASE|NATS|SMTP)_URL")

pytestmark = pytest.mark.skipif(not _COMPOSE.exists(), reason="no docker-compose for this system")


def read(*files: str, **settings: str) -> dict[str, Any]:
    """The services, as Compose would start them. Raise `CalledProcessError`."""
    arguments = [argument for file in files for argument in ("-f", str(_DEPLOY / file))]
    environment = {"PATH": os.defpath, "HOME": str(_DEPLOY)} | settings
    done = subprocess.run(
        [_COMPOSE, *arguments, "config", "--format", "json"], env=environment, capture_output=True, check=True
    )
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services


def filled_in() -> dict[str, str]:
    """Everything that has no default, as in bilby.env.example."""
    required = set(re.findall(r"\$\{([A-Z0-9_]+):\?\}", (_DEPLOY / "compose.yaml").read_text()))
    return {name: f"value-of-{name.lower()}" for name in required}


def in_files() -> dict[str, str]:
    pairs = re.findall(r"^([A-Z0-9_]+)=(.+)$", (_DEPLOY / "in-files.env").read_text(), re.MULTILINE)
    return dict(pairs)


def test_compose_can_read_it() -> None:
    services = read("compose.yaml", **filled_in())
    assert services["media"]["scale"] == 2
    assert {name for name, service in services.items() if "ports" in service} == {"caddy"}


@pytest.mark.parametrize(("files", "scheme"), [((), "nats"), (("compose.tls.yaml",), "tls")])
def test_a_process_is_given_both_passwords_of_nats_while_they_are_replaced(
    files: tuple[str, ...], scheme: str
) -> None:
    before = read("compose.yaml", *files, **filled_in(), NATS_WEB_NEXT_PASSWORD="")
    during = read("compose.yaml", *files, **filled_in(), NATS_WEB_NEXT_PASSWORD="next")
    first = f"{scheme}://web:value-of-nats_web_password@nats:4222"
    assert before["web"]["environment"]["NATS_URL"] == first
    assert during["web"]["environment"]["NATS_URL"] == f"{first},{scheme}://web:next@nats:4222"


def test_what_lacks_is_named() -> None:
    settings = filled_in()
    del settings["SESSION_SECRET"]
    with pytest.raises(subprocess.CalledProcessError) as failed:
        read("compose.yaml", **settings)
    assert b"SESSION_SECRET" in failed.value.stderr


@pytest.mark.parametrize("between", [(), ("rehearsal/compose.yaml",), ("compose.tls.yaml",)])
def test_with_secrets_in_files_no_variable_holds_one(between: tuple[str, ...]) -> None:
    services = read("compose.yaml", *between, "compose.secrets.yaml", **filled_in() | in_files())
    assert "in-a-file" not in json.dumps(services)
    for process in (*_PROCESSES, "postgres", "backup", "nats"):
        held = {name for name, value in services[process].get("environment", {}).items() if value}
        assert not {name for name in held if _SECRET.search(name) and not name.endswith("_FILE")}


def test_each_process_is_given_its_own_secrets_alone() -> None:
    services = read("compose.yaml", "compose.secrets.yaml", **filled_in() | in_files())
    given = {name: {secret["source"] for secret in service.get("secrets", ())} for name, service in services.items()}
    assert not given["media"] & {"database_url", "encryption_keys", "session_secret"}
    assert not given["provisioning"] & {"session_secret", "stream_shared_secret"}
    assert given["caddy"] == set()


def test_a_secret_in_a_file_has_the_name_of_its_setting() -> None:
    """What a process no longer has in its environment, it finds at /run/secrets."""
    plain = read("compose.yaml", **filled_in())
    services = read("compose.yaml", "compose.secrets.yaml", **filled_in() | in_files())
    added = yaml.safe_load((_DEPLOY / "compose.secrets.yaml").read_text())["services"]
    for process in _PROCESSES:
        taken = {name for name, value in added[process]["environment"].items() if value == ""}
        assert taken <= set(plain[process]["environment"])
        found = {secret["target"].rsplit("/", 1)[-1].upper() for secret in services[process]["secrets"]}
        optional = {"TWILIO_US1_KEY_SECRET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        assert taken - optional == found - {"AWS_CREDENTIALS"}


def test_with_tls_every_way_between_parts_is_encrypted_and_checked() -> None:
    services = read("compose.yaml", "compose.tls.yaml", **filled_in())
    urls = {
        (name, setting): value
        for name, service in services.items()
        for setting, value in service.get("environment", {}).items()
        if setting.endswith(("DATABASE_URL", "NATS_URL"))
    }
    assert {name for name, _ in urls} == set(_PROCESSES)
    for (_, setting), url in urls.items():
        assert url.startswith("tls://") if setting == "NATS_URL" else "sslmode=verify-full" in url
    assert services["backup"]["environment"]["PGSSLMODE"] == "verify-full"
    assert services["caddy"]["environment"]["TO_OUR_PARTS"] == "encrypted"
    for process in ("media", "web"):
        assert services[process]["environment"]["TLS_FOLDER"] == "/tls"
        assert "--tls" in services[process]["healthcheck"]["test"]


def test_with_tls_nothing_gets_a_writable_path_or_anothers_key() -> None:
    plain = read("compose.yaml", **filled_in())
    services = read("compose.yaml", "compose.tls.yaml", **filled_in())
    for name, service in services.items():
        added = [each for each in service.get("volumes", ()) if each not in plain[name].get("volumes", ())]
        assert all(each["read_only"] for each in added)
        assert {Path(each["source"]).name for each in added} <= {name, "authority"}
