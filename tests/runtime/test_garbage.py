"""Garbage collection waits while a process imports, and begins once it works."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_STARTS = """
import gc, json
import media.__main__
from runtime import garbage

imported = gc.isenabled(), gc.get_stats()[2]["collections"]
garbage.tune()
print(json.dumps([*imported, gc.isenabled(), gc.get_freeze_count() > 10_000]))
"""


def test_a_process_collects_only_after_its_imports() -> None:
    ran = subprocess.run([sys.executable, "-c", _STARTS], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [False, 0, True, True]


@pytest.mark.parametrize("process", ["media", "provisioning", "sandbox", "web"])
def test_whoever_pauses_tunes(process: str) -> None:
    tree = ast.parse((_ROOT / process / "__main__.py").read_text())
    asked = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and "garbage" in ast.dump(node)]
    assert asked == ["pause", "tune"]
