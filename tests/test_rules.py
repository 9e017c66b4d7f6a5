"""The rules of the house, kept by machine: what a reviewer says twice becomes a line here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PRODUCT = ["media", "web", "provisioning", "db", "runtime"]
_PACKAGES = [*_PRODUCT, "sandbox"]
_MAX_LINES = 300
_MAX_FUNCTION_LINES = 60
_NO_NOUNS = {"utils", "util", "helpers", "services", "common", "misc", "manager", "handlers"}
_WHOLE = {"rules", "deploy", "journey", "canary", "egress", "static"}  # what tests of no single package are about


def _files(*folders: str, pattern: str = "*.py") -> list[Path]:
    found = [path for folder in folders for path in (_ROOT / folder).rglob(pattern)]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _matches(pattern: str, paths: Iterable[Path]) -> list[str]:
    """Where ``pattern`` stands in the files: ``media/speech/call.py:12: the line``."""
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(_ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if wanted.search(line)
    ]


def _too_long(path: Path) -> list[str]:
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, _FUNCTION))
    return [
        f"{path.relative_to(_ROOT)}: {node.name}"
        for node in functions
        if (node.end_lineno or 0) - node.lineno >= _MAX_FUNCTION_LINES
    ]


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_CODE = [path for path in _files(*_PACKAGES, "tests") if "versions" not in path.parts]


def test_a_file_can_be_read_in_one_sitting() -> None:
    sizes = {str(path.relative_to(_ROOT)): len(path.read_text().splitlines()) for path in _CODE}
    assert {name: lines for name, lines in sizes.items() if lines > _MAX_LINES} == {}


def test_a_function_fits_on_a_screen() -> None:
    assert [name for path in _CODE for name in _too_long(path)] == []


def test_files_are_named_after_nouns() -> None:
    assert [path for path in _CODE if path.stem in _NO_NOUNS] == []


def test_every_module_says_what_it_is() -> None:
    trees = {path: ast.parse(path.read_text()) for path in _files(*_PACKAGES)}
    assert [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def test_tests_lie_flat_and_shadow_no_package() -> None:
    tests = _ROOT / "tests"
    assert [path for path in tests.rglob("test_*.py") if path.parent != tests] == []
    assert list(tests.rglob("__init__.py")) == []


def test_every_test_file_is_named_after_what_it_tests() -> None:
    """tests/test_<package>_<module or behaviour>.py."""
    subjects = {path.name: path.stem.split("_")[1] for path in _files("tests", pattern="test_*.py")}
    assert {name for name, subject in subjects.items() if subject not in {*_PACKAGES, *_WHOLE}} == set()


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_product_does_not_know_the_sandbox() -> None:
    assert _matches(r"(?i)sandbox", _files(*_PRODUCT, pattern="*.*")) == []


def test_the_product_writes_no_files() -> None:
    """Promise 1 in source: nothing opens a file to write, makes a temporary one, or dumps memory."""
    writing = r"\.write_(text|bytes)\(|\bopen\([^)]*[\"'][wax]b?\+?[\"']|\b(tempfile|faulthandler|shelve|pickle)\b"
    assert _matches(writing, _files(*_PRODUCT)) == []


def test_pages_never_turn_text_into_html() -> None:
    """Speech is untrusted text."""
    dangerous = r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert _matches(dangerous, _files("web/static", pattern="*.js")) == []


def test_pages_obey_their_content_security_policy() -> None:
    """No script or style in line, no event attribute, no way around escaping."""
    breach = r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|\|\s*safe\b|autoescape\s+false"
    assert _matches(breach, _files("web/templates", pattern="*.html")) == []


def test_nothing_is_left_for_later() -> None:
    assert _matches(r"\b(TODO|FIXME)\b", _files(*_PACKAGES)) == []
