"""Dashboard and alerts speak of figures that exist, and every alert is in the runbook."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY as WEB, CollectorRegistry

from media.metrics import REGISTRY as MEDIA
from provisioning.metrics import REGISTRY as PROVISIONING
from web import bus as web_bus
from web.serving import unparsable

_DEPLOY = Path(__file__).parents[2] / "deploy"
_DASHBOARD = json.loads((_DEPLOY / "grafana" / "bilby.json").read_text())
_GROUPS = yaml.safe_load((_DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
_RULES: list[dict[str, Any]] = [rule for group in _GROUPS for rule in group["rules"]]
_PRIVATE = {"call", "org", "organisation", "member", "number", "phone", "words", "text", "caller"}


_PROCESSES = ("media", "web", "provisioning", "runtime", "db")
_SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}
_NAME = re.compile(r"\b(?:bilby|process)_[a-z_]+")
_OLD_NAMES = {
    "bilby_transcribe_slots_warden"
}  # the same figure as another, for those who have a dashboard of their own


def _exposed(registry: CollectorRegistry) -> set[str]:
    """Every name that a query may use."""
    names = set()
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        names |= {family.name + suffix for suffix in suffixes}
    return names


def _declared(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Every figure that the code in ``folder`` declares, and the names by which a query may ask for it."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(name)), *_]) if kind in _SUFFIXES:
                    yield name, {name + suffix for suffix in _SUFFIXES[kind]}


def _labels(folder: Path) -> Iterator[str]:
    """Every label of a figure that the code in ``folder`` declares."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SUFFIXES:
                named = [each.value for each in node.keywords if each.arg == "labelnames"]
                for each in (each for labels in (*node.args[2:3], *named) for each in ast.walk(labels)):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield each.value


def _queries() -> list[str]:
    return _panels() + [rule["expr"] for rule in _RULES]


def _panels() -> list[str]:
    return [target["expr"] for panel in _DASHBOARD["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("query", _queries())
def test_every_query_asks_for_figures_that_exist(query: str) -> None:
    assert all((web_bus.WAITING_FACTS, unparsable.server_log))  # figures are registered when modules are loaded
    asked = set(_NAME.findall(query))
    assert asked - _exposed(MEDIA) - _exposed(WEB) - _exposed(PROVISIONING) == set()


def test_every_figure_is_in_a_panel() -> None:
    shown = {
        name
        for panel in _DASHBOARD["panels"]
        for target in panel["targets"]
        for name in _NAME.findall(target["expr"])
    }
    declared = dict(figure for folder in _PROCESSES for figure in _declared(_DEPLOY.parent / folder))
    assert len(declared) > 40
    assert {name for name, names in declared.items() if not names & shown} - _OLD_NAMES == set()


def test_no_figure_is_about_a_person() -> None:
    labels = {name for family in MEDIA.collect() for sample in family.samples for name in sample.labels}
    declared = {name for folder in _PROCESSES for name in _labels(_DEPLOY.parent / folder)}
    assert declared
    assert (labels | declared) & _PRIVATE == set()


def test_every_alert_is_in_the_runbook() -> None:
    runbook = (_DEPLOY / "RUNBOOK.md").read_text()
    assert [rule["alert"] for rule in _RULES if rule["alert"] not in runbook] == []


# Run in a fresh interpreter: which of the label values that the code names are missing before anything was counted.
_UNBORN = r"""
import ast, importlib, operator, pathlib, re
for file in [file for folder in ("media", "web", "provisioning") for file in pathlib.Path(folder).rglob("*.py")]:
    for name, literals in re.findall(r'([\w.]+)\.labels\(((?:"[^"]*"(?:, )?)+)\)\.inc', file.read_text()):
        module = importlib.import_module(".".join(file.with_suffix("").parts))
        values = ast.literal_eval(f"({literals},)")
        (family,) = operator.attrgetter(name)(module).collect()
        born = {tuple(sample.labels.values()) for sample in family.samples}
        print("known" if values in born else f"unborn {file} {name} {values}")
"""


def test_every_counter_starts_at_zero_with_each_label_the_code_names() -> None:
    """A series that begins with its first burst shows no increase."""
    root = _DEPLOY.parent
    ran = subprocess.run([sys.executable, "-c", _UNBORN], cwd=root, capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    assert len(lines) > 10
    assert [line for line in lines if line != "known"] == []
