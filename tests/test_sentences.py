"""Tests look at states, rows, roles and codes. What is written for people may be reworded without a test breaking.

A test quotes a sentence if one of its assertions has three words in a row that a page, a mail, a message or a log of
ours has, too. What callers say and what a test sends does not count. In files named ``test_copy.py`` stand the
sentences that matter by their words: promises to customers.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from provisioning.billing.notices import SUBJECTS

_ROOT = Path(__file__).parents[1]
_OURS = ["media", "web", "provisioning", "db", "protocol", "runtime", "sandbox"]
_NOT_OURS = (
    *("sandbox/demo", "sandbox/audio", "sandbox/load", "sandbox/recognition"),  # what is said in calls is made up
    *("sandbox/transcribe", "sandbox/stripe/api", "sandbox/twilio/browser", "sandbox/twilio/conference"),
    *("sandbox/twilio/phone", "sandbox/twilio/rest"),  # the vendors' own words
)
_RUN = 3  # words in a row
_LONG = 6  # letters, of one of them: small words meet anywhere
_READERS = {"to_have_text", "to_contain_text", "not_to_have_text", "not_to_contain_text", "get_by_text"}
"""What looks for words on a page. Buttons and fields are found by role and name, as people find them."""
_JINJA = r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}"
_JS_STRING = r"`(?:[^`\\]|\\.)*`|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"


def _files(folder: Path, *suffixes: str) -> Iterator[Path]:
    """Every file below ``folder`` with words of ours; in tests/, the tests of such files."""
    for path in sorted(folder.rglob("*")):
        place = str(path.relative_to(_ROOT)).removeprefix("tests/")
        if path.suffix in suffixes and "vendor" not in path.parts and not place.startswith(_NOT_OURS):
            yield path


def _runs(text: str) -> Iterator[str]:
    """Every `_RUN` words in a row. A tag, a figure, a name in code and the end of a sentence end a row."""
    row: list[str] = []
    for token in [*re.sub(r"<[^>]*>", " | ", text).split(), "|"]:
        word = re.fullmatch(r"[(“`\"']*([A-Za-z][a-z]*(?:[’'-][a-z]+)*)[,)”`\"']*([.:;!?…]*)[”`\"']*", token)
        if word is not None:
            row.append(word[1].lower())
        if word is None or word[2]:
            runs = (row[at : at + _RUN] for at in range(len(row) - _RUN + 1))
            yield from (" ".join(run) for run in runs if max(map(len, run)) >= _LONG)
            row = []


def _strings(tree: ast.AST) -> Iterator[str]:
    """The strings in code, but for those that stand alone: docstrings."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def _texts(path: Path) -> Iterator[str]:
    """What is written for people in a file of code, a template or a script."""
    match path.suffix:
        case ".py":
            yield from _strings(ast.parse(path.read_text()))
        case ".js":
            yield from re.findall(_JS_STRING, path.read_text())
        case _:
            yield re.sub(_JINJA, " | ", path.read_text())


@cache
def _written() -> frozenset[str]:
    files = (path for folder in _OURS for path in _files(_ROOT / folder, ".py", ".html", ".txt", ".js"))
    return frozenset(run for path in files for text in _texts(path) for run in _runs(text))


def _assertions(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READERS:
            yield node
        elif isinstance(node, ast.keyword) and node.arg == "match":  # of `pytest.raises`
            yield node.value


def _quotations(path: Path) -> list[str]:
    """Where assertions quote us: ``test_app.py:12: the words``. What the test itself sent does not count."""
    tree = ast.parse(path.read_text())
    found = [(assertion, text) for assertion in _assertions(tree) for text in _strings(assertion)]
    sent = Counter(_strings(tree)) - Counter(text for _, text in found)
    return [
        f"{path.relative_to(_ROOT)}:{assertion.lineno}: {text}"
        for assertion, text in found
        if text not in sent and set(_runs(text)) & _written()
    ]


def test_assertions_do_not_quote_sentences() -> None:
    tests = [path for path in _files(_ROOT / "tests", ".py") if path.name != "test_copy.py"]
    assert [quotation for path in tests for quotation in _quotations(path)] == []


def test_our_sentences_are_known() -> None:
    """Else the rule above would hold whatever tests do."""
    known = [set(_runs(subject)) for subject in SUBJECTS.values()]
    assert len([runs for runs in known if runs]) > len(known) / 2
    assert set().union(*known) <= _written()
    assert len(_written()) > 1000
    assert not set(_runs("caller: my internet is slow, since Monday")) & _written()
