"""The scripts beside compose.yaml: how they change bilby.env, and what they refuse. Docker is played here."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

_DEPLOY = Path(__file__).parents[2] / "deploy"
_SCRIPTS = sorted(_DEPLOY.glob("*.sh")) + sorted(_DEPLOY.glob("rehearsal/*.sh"))

# Stands in for Docker: writes down what it is asked, and has one ready container of each service.
_DOCKER = """#!/bin/bash
echo "$*" >>"$LOG"
case "$*" in
  *"compose ps"*) service=${@: -1}; cat "$STATE/$service" 2>/dev/null ;;
  *"compose up"*nats) cp bilby.env "$STATE/env-of-nats"; [ ! -e "$STATE/.nats-down" ] ;;
  *"compose up"*) service=${@: -1}; echo "new-$service-$RANDOM$RANDOM" >>"$STATE/$service" ;;
  *"run --rm --no-deps migrate"*) [ ! -e "$STATE/.database-down" ] ;;
  inspect*) echo "running healthy" ;;
  stop*) sed -i "/^$2\\$/d" "$STATE"/* ;;
esac
"""


class Host:
    """A checkout whose Docker is played; ``env`` is its bilby.env."""

    def __init__(self, folder: Path) -> None:
        self.env = folder / "bilby.env"
        self.log = folder / "log"
        self._folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        (folder / "bin").mkdir()
        docker = folder / "bin" / "docker"
        docker.write_text(_DOCKER)
        docker.chmod(stat.S_IRWXU)
        shutil.copytree(_DEPLOY, folder / "deploy", ignore=shutil.ignore_patterns("rehearsal"))
        self.log.touch()

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._folder / "deploy" / f"{script}.sh", *arguments],
            env={"PATH": f"{self._folder / 'bin'}:/usr/bin:/bin", "LOG": str(self.log), "STATE": str(self.state)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def setting(self, name: str) -> str:
        found = re.findall(rf"^{name}=(.*)$", self.env.read_text(), re.MULTILINE)
        assert len(found) == 1
        return str(found[0])

    def asked(self) -> list[str]:
        """What Docker was told to do, without questions."""
        return [line for line in self.log.read_text().splitlines() if not re.match(r"compose ps|inspect|image", line)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.env.write_text("BILBY_IMAGE=bilby:1\nSESSION_SECRET=old\nENCRYPTION_KEYS=key\nSTREAM_SHARED_SECRET=s\n")
    host.env.chmod(0o600)
    for service in ("web", "provisioning"):
        (host.state / service).write_text(f"{service}-1\n")
    (host.state / "media").write_text("media-1\nmedia-2\n")
    return host


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda script: script.name)
def test_bash_can_read_it(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_a_container_is_stopped_only_once_a_new_one_is_ready(host: Host) -> None:
    assert host.run("replace", "media").returncode == 0
    verbs = [re.search(r"compose up .* media|stop media-\d|rm \S+", line) for line in host.asked()]
    assert [verb[0].split()[-1] for verb in verbs if verb] == [
        *("media", "media-1", "media-1"),
        *("media", "media-2", "media-2"),
    ]
    assert len((host.state / "media").read_text().split()) == 2


def test_an_update_migrates_first_and_touches_media_last(host: Host) -> None:
    assert host.run("update", "bilby:2").returncode == 0
    asked = host.asked()
    assert "run --rm" in asked[0]
    stopped = [line.split()[1] for line in asked if line.startswith("stop ")]
    assert stopped == ["web-1", "provisioning-1", "media-1", "media-2"]
    assert (host.setting("BILBY_IMAGE"), host.setting("BILBY_PREVIOUS_IMAGE")) == ("bilby:2", "bilby:1")


def test_a_rollback_goes_back_to_what_ran_before_without_a_migration(host: Host) -> None:
    host.run("update", "bilby:2")
    host.log.write_text("")
    assert host.run("rollback").returncode == 0
    assert (host.setting("BILBY_IMAGE"), host.setting("BILBY_PREVIOUS_IMAGE")) == ("bilby:1", "bilby:2")
    assert not [line for line in host.asked() if "migrate" in line]


def test_a_rollback_without_an_earlier_image_asks_for_one(host: Host) -> None:
    done = host.run("rollback")
    assert done.returncode == 1
    assert not host.asked()


def test_a_key_is_accepted_before_it_is_used_and_the_old_one_leaves_last(host: Host) -> None:
    seen: list[str] = []
    assert host.run("rotate", "SESSION_SECRET").returncode == 0
    new, old = host.setting("SESSION_SECRET").split(",")
    assert old == "old"
    assert len(new) == 64
    seen = [line for line in host.asked() if line.startswith("stop ")]
    assert len(seen) == 2, "web was replaced twice: once to accept, once to use"
    assert host.run("rotate", "SESSION_SECRET").returncode == 1, "a second rotation waits for the first one's end"
    assert host.run("rotate", "--finish", "SESSION_SECRET").returncode == 0
    assert host.setting("SESSION_SECRET") == new


def test_rows_are_rewritten_once_every_process_knows_the_new_key(host: Host) -> None:
    assert host.run("rotate", "ENCRYPTION_KEYS").returncode == 0
    assert "db.rotate" in host.asked()[-1]
    assert host.run("rotate", "--finish", "ENCRYPTION_KEYS").returncode == 0


def test_settings_stay_for_nobody_else_to_read(host: Host) -> None:
    host.run("rotate", "STREAM_SHARED_SECRET")
    assert stat.S_IMODE(host.env.stat().st_mode) == 0o600
    assert host.setting("BILBY_IMAGE") == "bilby:1"


def test_a_password_that_could_not_be_changed_stays_the_old_one(host: Host) -> None:
    with host.env.open("a") as env:
        env.write("POSTGRES_APP_PASSWORD=old\n")
    (host.state / ".database-down").touch()
    assert host.run("rotate", "POSTGRES_APP_PASSWORD").returncode == 1
    assert host.setting("POSTGRES_APP_PASSWORD") == "old"
    assert not [line for line in host.asked() if line.startswith("stop ")]
    (host.state / ".database-down").unlink()
    assert host.run("rotate", "POSTGRES_APP_PASSWORD").returncode == 0
    assert re.fullmatch("[0-9a-f]{32}", host.setting("POSTGRES_APP_PASSWORD"))
    assert [line for line in host.asked() if line.startswith("stop ")] == ["stop web-1", "stop provisioning-1"]


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("replace", ()),
        ("replace", ("postgres",)),
        ("update", ()),
        ("rotate", ()),
        ("rotate", ("SMTP_URL",)),
        ("rotate", ("TWILIO_AUTH_TOKENS",)),
        ("rotate", ("--finish", "SESSION_SECRET")),
    ],
)
def test_what_can_not_be_done_is_one_sentence_and_touches_nothing(
    host: Host, script: str, arguments: tuple[str, ...]
) -> None:
    before = host.env.read_text()
    done = host.run(script, *arguments)
    assert done.returncode == 1
    assert done.stderr
    assert not host.asked()
    assert host.env.read_text() == before


def test_the_example_has_every_setting_of_compose_and_explains_it() -> None:
    example = (_DEPLOY / "bilby.env.example").read_text()
    listed = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    read = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", (_DEPLOY / "compose.yaml").read_text()))
    assert listed == read | {"BILBY_PREVIOUS_IMAGE"}


_NATS = ("MEDIA", "WEB", "PROVISIONING")


def test_processes_know_both_passwords_before_nats_changes(host: Host) -> None:
    with host.env.open("a") as env:
        env.writelines(f"NATS_{user}_PASSWORD=old-{user}\n" for user in _NATS)
    assert host.run("rotate", "NATS").returncode == 0
    asked = host.asked()
    [changed] = [number for number, line in enumerate(asked) if line.endswith(" nats")]
    replaced = [line.split()[1] for line in asked[:changed] if line.startswith("stop ")]
    assert replaced == ["web-1", "provisioning-1", "media-1", "media-2"]
    assert changed == len(asked) - 1
    then = dict(line.split("=") for line in (host.state / "env-of-nats").read_text().splitlines())
    for user in _NATS:
        new = host.setting(f"NATS_{user}_PASSWORD")
        assert re.fullmatch("p[0-9a-f]{32}", new)
        assert (then[f"NATS_{user}_PASSWORD"], then[f"NATS_{user}_NEXT_PASSWORD"]) == (new, f"old-{user}")
        assert host.setting(f"NATS_{user}_NEXT_PASSWORD") == ""
    assert len({host.setting(f"NATS_{user}_PASSWORD") for user in _NATS}) == 3


def test_an_interrupted_rotation_of_nats_is_finished_before_the_next(host: Host) -> None:
    with host.env.open("a") as env:
        env.writelines(f"NATS_{user}_PASSWORD=old-{user}\n" for user in _NATS)
    (host.state / ".nats-down").touch()
    assert host.run("rotate", "NATS").returncode != 0
    passwords = [host.setting(f"NATS_{user}_PASSWORD") for user in _NATS]
    assert host.run("rotate", "NATS").returncode == 1
    (host.state / ".nats-down").unlink()
    assert host.run("rotate", "--finish", "NATS").returncode == 0
    assert [host.setting(f"NATS_{user}_PASSWORD") for user in _NATS] == passwords
    assert {host.setting(f"NATS_{user}_NEXT_PASSWORD") for user in _NATS} == {""}
    assert host.run("rotate", "NATS").returncode == 0
