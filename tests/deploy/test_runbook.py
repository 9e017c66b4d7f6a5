"""RUNBOOK.md says what to do about every line that a process may log as a warning or an error."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.rehearsal.steps import all_steps

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("db", "media", "protocol", "provisioning", "runtime", "web")
_SERIOUS = {"warning": 0, "error": 0, "exception": 0, "critical": 0, "log": 1}  # the method: where the text stands
_FUNCTIONS = {"complain", "log"}  # of our own, that log the text they are given


def _serious_events(tree: ast.Module) -> Iterator[str]:
    """The texts of what is logged as a warning or worse."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=method)) if method in _SERIOUS:
                text = node.args[_SERIOUS[method]]
            case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
                text = node.args[0]
            case _:
                continue
        if isinstance(text, ast.Constant):
            yield str(text.value)


@cache
def events() -> frozenset[str]:
    texts = [file.read_text() for package in _PACKAGES for file in (_ROOT / package).rglob("*.py")]
    calls = [f"{name}(" for name in (*_SERIOUS, *_FUNCTIONS)]  # to parse every file takes long, and few have one
    trees = [ast.parse(text) for text in texts if any(call in text for call in calls)]
    return frozenset(event for tree in trees for event in _serious_events(tree))


@cache
def explained() -> frozenset[str]:
    """What the first column of the table of log lines names."""
    runbook = (_ROOT / "deploy/RUNBOOK.md").read_text()
    section = runbook.partition("## What each log line means\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    return frozenset(event for row in rows for event in re.findall(r"`([^`]+)`", row.split(" | ")[0]))


def test_the_search_finds_lines_of_each_way_to_log() -> None:
    ways = {
        "NATS error",
        "call not transcribed",
        "stream not stopped",
        "call failed",
        "difference",
        "number order stuck",
    }
    assert ways <= events()


@pytest.mark.parametrize("event", sorted(events()))
def test_every_serious_log_line_is_explained(event: str) -> None:
    assert event in explained()


def test_no_log_line_is_explained_that_nobody_writes() -> None:
    assert explained() - events() == frozenset()


def test_every_step_of_the_rehearsal_is_described() -> None:
    runbook = (_ROOT / "deploy/RUNBOOK.md").read_text()
    section = runbook.partition("\n## Rehearse\n")[2].partition("\n## ")[0]
    rows = [row.removeprefix("| ").split(" | ")[0] for row in section.splitlines() if row.startswith("| ")]
    verbs = {verb for row in rows for verb in row.replace(",", " ").replace("`", "").split()}
    steps = [step.name for step in all_steps("bilby:next", lambda _token: None)]
    assert [name for name in steps if name.split()[0] not in {*verbs, "nothing", "finish"}] == []
    assert len(steps) > 30
