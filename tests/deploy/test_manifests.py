"""The manifests keep the promises: who hears has no disk and no database, and nobody gets another's secrets."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from media.speech.calls import HANDOVER_SECONDS

_DEPLOY = Path(__file__).parents[2] / "deploy"
_COMPOSE: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())["services"]
_PROCESSES = ["media", "web", "provisioning"]
_DATABASE = {"DATABASE_URL", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD"}


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in sorted((_DEPLOY / "kubernetes").rglob("*.yaml")):
        for part in yaml.safe_load_all(manifest.read_text()):
            if part["kind"] in ("Deployment", "StatefulSet", "Job"):
                yield part["metadata"]["name"], part["spec"]["template"]["spec"]


_PODS = dict(_pods())


def _secrets(pod: dict[str, Any]) -> set[str]:
    containers = pod["containers"] + pod.get("initContainers", [])
    sources = [source for container in containers for source in container["envFrom"]]
    return {source["secretRef"]["name"] for source in sources if "secretRef" in source}


def test_media_on_one_host_knows_no_database() -> None:
    assert not _DATABASE & set(_COMPOSE["media"]["environment"])
    assert "postgres" not in str(_COMPOSE["media"])


@pytest.mark.parametrize("process", _PROCESSES)
def test_no_process_on_one_host_has_a_writable_path(process: str) -> None:
    service = _COMPOSE[process]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["ulimits"] == {"core": 0}
    assert "volumes" not in service
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"], "in memory, for temporary files"


@pytest.mark.parametrize("service", ["media", "nats", "caddy"])
def test_what_carries_words_is_never_swapped_out(service: str) -> None:
    assert _COMPOSE[service]["memswap_limit"] == _COMPOSE[service]["mem_limit"]


def test_media_on_one_host_is_given_time_to_drain_and_somebody_to_hand_over_to() -> None:
    media = _COMPOSE["media"]
    assert media["scale"] == 2
    drain = int(media["environment"]["DRAIN_SECONDS"].partition(":-")[2].rstrip("}"))
    assert int(media["stop_grace_period"].rstrip("s")) > drain + HANDOVER_SECONDS


@pytest.mark.parametrize("service", sorted(_COMPOSE))
def test_no_log_grows_for_ever(service: str) -> None:
    assert {"max-size", "max-file"} <= set(_COMPOSE[service]["logging"]["options"])


@pytest.mark.parametrize("service", sorted(set(_COMPOSE) - {"migrate"}))
def test_each_service_tells_how_it_does(service: str) -> None:
    assert _COMPOSE[service]["healthcheck"]["test"][0] == "CMD"


def test_the_proxy_has_no_disk_but_its_certificates() -> None:
    caddy = _COMPOSE["caddy"]
    assert caddy["read_only"] is True
    assert caddy["cap_drop"] == ["ALL"]
    assert caddy["cap_add"] == ["NET_BIND_SERVICE"]
    assert caddy["ulimits"] == {"core": 0}
    writable = [volume for volume in caddy["volumes"] if not volume.endswith(":ro")]
    assert writable == ["caddy:/data"]
    assert "tmpfs" not in caddy


def test_the_proxy_is_given_a_folder_so_that_it_sees_an_edited_file() -> None:
    (folder,) = [volume for volume in _COMPOSE["caddy"]["volumes"] if volume.endswith(":/etc/caddy:ro")]
    assert (_DEPLOY / folder.partition(":")[0]).is_dir()
    assert [file.name for file in (_DEPLOY / "caddy").iterdir()] == ["Caddyfile"]


def test_settings_with_secrets_are_not_committed_by_mistake() -> None:
    for name in ("bilby.env", "deploy/bilby.env"):
        check = subprocess.run(["git", "check-ignore", "-q", name], cwd=_DEPLOY.parent, check=False)
        assert check.returncode == 0, name


def test_only_the_proxy_is_reachable_from_outside() -> None:
    assert [name for name, service in _COMPOSE.items() if "ports" in service] == ["caddy"]


@pytest.mark.parametrize("process", _PROCESSES)
def test_pods_have_no_writable_path(process: str) -> None:
    pod = _PODS[process]
    assert "volumes" not in pod
    for container in pod["containers"] + pod.get("initContainers", []):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert "volumeMounts" not in container
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False, "a Service named web makes a variable WEB_PORT"


def test_pods_get_their_own_secrets_only() -> None:
    assert {name: _secrets(pod) for name, pod in _PODS.items()} == {
        "media": {"media"},
        "web": {"database", "web"},
        "provisioning": {"database", "provisioning"},
        "nats": {"nats"},
        "migrate": {"database", "migrate"},
    }


def test_media_pods_are_given_time_to_drain() -> None:
    loaded = yaml.safe_load((_DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    media = next(each["literals"] for each in loaded["configMapGenerator"] if each["name"] == "media")
    drain = next(int(literal.partition("=")[2]) for literal in media if literal.startswith("DRAIN_SECONDS="))
    stopping = int(_PODS["media"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert _PODS["media"]["terminationGracePeriodSeconds"] >= stopping + drain + HANDOVER_SECONDS + 10


def test_the_image_is_nobody_and_holds_the_product_alone() -> None:
    dockerfile = (_DEPLOY.parent / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    goes_in = (_DEPLOY.parent / ".dockerignore").read_text().splitlines()
    packages = tomllib.loads((_DEPLOY.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    assert {line for line in goes_in if line.startswith("!")} == {
        f"!{name}" for name in {*packages, "pyproject.toml", "uv.lock"} - {"sandbox"}
    }
    assert "--no-dev --no-group sandbox" in dockerfile


def test_the_runbook_names_every_metric_there_is_to_watch() -> None:
    runbook = (_DEPLOY / "RUNBOOK.md").read_text()
    roles = set(re.findall(r"CREATE ROLE (bilby_\w+)", runbook))  # of the database
    named = set(re.findall(r"`(bilby_\w+)", runbook)) - roles
    sources = [path.read_text() for folder in ("media", "web") for path in (_DEPLOY.parent / folder).rglob("*.py")]
    known = set(re.findall(r"\"(bilby_\w+)\"", "\n".join(sources)))
    assert named <= known
