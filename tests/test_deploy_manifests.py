"""The manifests keep the promises: who hears has no disk and no database, and nobody gets another's secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from media.server import HANDOVER_SECONDS

_DEPLOY = Path(__file__).parents[1] / "deploy"
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
    assert not {"volumes", "tmpfs"} & set(service)


@pytest.mark.parametrize("service", ["media", "nats"])
def test_what_carries_words_is_never_swapped_out(service: str) -> None:
    assert _COMPOSE[service]["memswap_limit"] == _COMPOSE[service]["mem_limit"]


def test_media_on_one_host_is_given_time_to_drain() -> None:
    assert _COMPOSE["media"]["stop_grace_period"] == "61m"


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
        "migrate": {"migrate"},
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
    assert set(re.findall(r"^COPY (\w+) \./", dockerfile, re.MULTILINE)) == {
        "media",
        "web",
        "provisioning",
        "db",
        "runtime",
    }
    assert "--no-dev --no-group sandbox" in dockerfile


def test_the_runbook_names_every_metric_there_is_to_watch() -> None:
    runbook = (_DEPLOY / "RUNBOOK.md").read_text()
    roles = set(re.findall(r"CREATE ROLE (bilby_\w+)", runbook))  # of the database
    named = set(re.findall(r"`(bilby_\w+)", runbook)) - roles
    sources = [path.read_text() for folder in ("media", "web") for path in (_DEPLOY.parent / folder).glob("*.py")]
    known = set(re.findall(r"\"(bilby_\w+)\"", "\n".join(sources)))
    assert named <= known
