"""Every setting there is can be found and set: in the README's table, in compose, in Kubernetes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from media.config import Settings as Media
from provisioning.config import Settings as Provisioning
from web.config import Settings as Web

_ROOT = Path(__file__).parents[2]
_SETTINGS: dict[str, type[BaseSettings]] = {"media": Media, "web": Web, "provisioning": Provisioning}
_FIXED = {
    "TLS_FOLDER",  # of compose.tls.yaml
    *("MEDIA_HOST", "MEDIA_PORT", "WEB_HOST", "WEB_PORT"),  # of the image
    *("TRANSCRIBE_API_BASE", "TRANSLATE_API_BASE"),  # as the next
    *("TRANSCRIBE_ENDPOINT", "TWILIO_API_BASE", "TWILIO_NUMBERS_BASE", "STRIPE_API_BASE"),  # loopback, or nothing
}
_ONE_HOST = {"DRAIN_SECONDS": "30"}  # two nodes share the host: a call is handed over rather than waited for
_AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # read by AWS's own chain
_NAME = re.compile(r"`([A-Z][A-Z0-9_]+)`")


def names(process: str) -> set[str]:
    """What the process reads."""
    return {name.upper() for name in _SETTINGS[process].model_fields}


@cache
def readme() -> dict[str, set[str]]:
    """What the README's table lists, by process."""
    listed: dict[str, set[str]] = {process: set() for process in _SETTINGS}
    table = (_ROOT / "README.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    for row in table.splitlines():
        if row.startswith("| `"):
            _, named, processes, *_ = (cell.strip() for cell in row.split("|"))
            for process in _SETTINGS if processes == "all" else processes.split(", "):
                listed[process] |= set(_NAME.findall(named))
    return listed


@cache
def compose(process: str) -> dict[str, str]:
    loaded: Any = yaml.safe_load((_ROOT / "deploy/compose.yaml").read_text())
    return dict(loaded["services"][process]["environment"])


@cache
def kubernetes(process: str) -> set[str]:
    """The literals of the process's ConfigMap, and what the runbook puts into its secrets."""
    loaded: Any = yaml.safe_load((_ROOT / "deploy/kubernetes/kustomization.yaml").read_text())
    literals = next(each["literals"] for each in loaded["configMapGenerator"] if each["name"] == process)
    secrets = {process} if process == "media" else {process, "database"}
    runbook = (_ROOT / "deploy/RUNBOOK.md").read_text()
    rows = [row for row in runbook.splitlines() if any(row.strip().startswith(f"| `{each}` | `") for each in secrets)]
    assert len(rows) == len(secrets)
    return {literal.partition("=")[0] for literal in literals} | {name for row in rows for name in _NAME.findall(row)}


@pytest.mark.parametrize("process", _SETTINGS)
def test_the_readme_lists_what_each_process_reads_and_nothing_else(process: str) -> None:
    assert readme()[process] == names(process)


@pytest.mark.parametrize("process", _SETTINGS)
def test_compose_hands_each_process_its_settings_and_nothing_else(process: str) -> None:
    given = set(compose(process)) - (_AWS if process == "media" else set())
    assert given == names(process) - _FIXED


@pytest.mark.parametrize("process", _SETTINGS)
def test_compose_leaves_defaults_as_they_are(process: str) -> None:
    for name, value in compose(process).items():
        optional = re.fullmatch(r"\$\{(\w+):-(.*)\}", str(value))
        if optional is None or name in _AWS:
            continue
        assert optional[1] == name
        field = _SETTINGS[process].model_fields[name.lower()]
        assert not field.is_required()
        if optional[2]:
            assert _ONE_HOST.get(name, str(field.default)) == optional[2]


@pytest.mark.parametrize("process", _SETTINGS)
def test_kubernetes_has_a_place_for_every_setting(process: str) -> None:
    assert names(process) - _FIXED - kubernetes(process) == set()


def test_an_empty_variable_is_no_setting() -> None:
    """Compose hands an empty one over where nothing was set."""
    assert all(settings.model_config["env_ignore_empty"] is True for settings in _SETTINGS.values())
