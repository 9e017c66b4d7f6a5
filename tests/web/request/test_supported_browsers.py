"""What browsers fetch needs nothing that the oldest one on the README's list lacks.

A table instead of a tool: the linters for this need npm, and none of them reads templates. The versions are those of
MDN's browser-compat-data. A feature that is missing here is not checked: who uses a new one adds a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from web.request.render import STATIC, TEMPLATES

Table = Mapping[str, tuple[float, float, float]]

_README = Path(__file__).parents[3] / "README.md"
_BROWSERS = ("Chrome", "Firefox", "Safari")
_NEVER = 999.0

# What it looks like, and since when Chrome (and Edge), Firefox and Safari have it.
_SCRIPT: Table = {
    r"\bAbortSignal\.timeout\b": (103, 100, 16),
    r"\bAbortSignal\.any\b": (116, 124, 17.4),
    r"\.(toSorted|toReversed|toSpliced)\(": (110, 115, 16),
    r"\.(findLast|findLastIndex)\(": (97, 104, 15.4),
    r"\bArray\.fromAsync\b": (121, 115, 16.4),
    r"\b(Object|Map)\.groupBy\b": (117, 119, 17.4),
    r"\bPromise\.withResolvers\b": (119, 121, 17.4),
    r"\bPromise\.try\b": (128, 134, 18.2),
    r"\.(union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\(": (122, 127, 17),
    r"\bIterator\.|\.(values|keys|entries)\(\)\.(map|filter|take|drop|toArray|some|find)\(": (122, 131, 18.4),
    r"\(\?<[=!]": (62, 78, 16.4),
    r"/[dgimsuy]*v[dgimsuy]*\.test\(": (112, 116, 17),
    r"\bstatic \{": (94, 93, 16.4),
    r"\bIntl\.Segmenter\b": (87, 125, 14.1),
    r"\bIntl\.DurationFormat\b": (129, 136, 16.4),
    r"\bURL\.(canParse|parse)\b": (120, 115, 17),
    r"\brequestIdleCallback\b": (47, 55, _NEVER),
    r"\.(showPopover|hidePopover|togglePopover)\(": (114, 125, 17),
    r"\b(De)?[cC]ompressionStream\b": (80, 113, 16.4),
    r"for await \(.* of [^)]*\.body\b": (124, 110, _NEVER),
    r"\.checkVisibility\(": (105, 106, 17.4),
    r"\.requestSubmit\(": (76, 75, 16),
    r"\.showPicker\(": (99, 101, 16),
    r"\.inert\b": (102, 112, 15.5),
    r"\bwakeLock\b": (84, 126, 16.4),
    r"\buserActivation\b": (72, 120, 16.4),
    r"\bstartViewTransition\b": (111, 144, 18),
    r"\bscrollend\b": (114, 109, 26),
    r"\bisWellFormed\b": (111, 119, 16.4),
    r"\bscheduler\.": (94, 142, _NEVER),
    r"import .* with \{": (123, 138, 17.2),
    r"^[^ ].*\bawait \S": (89, 89, 15),
    r":has\(": (105, 121, 15.4),
}
_STYLE: Table = {
    r"^\s*&|\{[^{}]*&": (120, 117, 17.2),
    r"@container\b": (105, 110, 16),
    r"@property\b": (85, 128, 16.4),
    r"@scope\b|@starting-style\b": (118, 146, 17.5),
    r"@media[^{]*[<>]": (104, 63, 16.4),
    r"\bcolor-mix\(": (111, 113, 16.2),
    r"\b(oklch|oklab|lch|lab)\(": (111, 113, 15.4),
    r"\blight-dark\(": (123, 120, 17.5),
    r"\bsubgrid\b": (117, 71, 16),
    r"\boverflow(-[xy])?: clip\b": (90, 81, 16),
    r"^\s*(translate|rotate|scale): ": (104, 72, 14.1),
    r":user-(in)?valid\b": (119, 88, 16.5),
    r":modal\b": (105, 103, 15.6),
    r"[^-]backdrop-filter:": (76, 103, 18),
    r"\banchor\(|anchor-name:": (125, 147, 26),
    r"\bfield-sizing:": (123, _NEVER, 26.2),
    r"\bround\(": (125, 118, 15.4),
    r":nth-(last-)?child\([^)]* of ": (111, 113, 9),
}
_PAGE: Table = {
    r"\spopover\b": (114, 125, 17),
    r"\sinert\b": (102, 112, 15.5),
    r"<search\b": (118, 118, 17),
    r"<details [^>]*\bname=": (120, 130, 17.2),
    r'type="importmap"': (89, 108, 16.4),
}


@cache
def oldest() -> tuple[float, ...]:
    """The README's list: the oldest Chrome, Firefox and Safari."""
    section = _README.read_text().partition("## Browsers")[2].partition("\n## ")[0]
    found = [re.search(rf"\| {name}[^|]*\| ([0-9.]+)", section) for name in _BROWSERS]
    assert None not in found, section
    return tuple(float(each[1]) for each in found if each)


def used(folder: Path, suffix: str, table: Table) -> list[str]:
    """Where something newer than the list stands: ``console.css:12: the line``."""
    newer = [feature for feature, since in table.items() if any(a > b for a, b in zip(since, oldest(), strict=True))]
    wanted = re.compile("|".join(f"(?:{feature})" for feature in newer))
    return [
        f"{path.relative_to(folder)}:{number}: {line.strip()}"
        for path in sorted(folder.rglob(f"*{suffix}"))
        if "vendor" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if wanted.search(line) and not line.lstrip().startswith(("//", "/*", "*", "{#"))
    ]


def test_scripts_need_no_newer_browser() -> None:
    assert used(STATIC, ".js", _SCRIPT) == []


def test_styles_need_no_newer_browser() -> None:
    assert used(STATIC, ".css", _STYLE) == []


def test_pages_need_no_newer_browser() -> None:
    assert used(TEMPLATES, ".html", _PAGE) == []


@pytest.mark.parametrize(
    ("suffix", "line"),
    [
        (".js", "  signal: AbortSignal.timeout(1000),"),
        (".js", "const last = lines.findLast((line) => line.final);"),
        (".js", "if (/(?<=a)b/.test(text)) go();"),
        (".css", "@media (width < 40rem) {"),
        (".css", "  color: color-mix(in srgb, red, blue);"),
        (".html", '<div popover id="menu">'),
    ],
)
def test_the_table_finds_what_is_newer(tmp_path: Path, suffix: str, line: str) -> None:
    (tmp_path / f"some{suffix}").write_text(f"{line}\n")
    tables = {".js": _SCRIPT, ".css": _STYLE, ".html": _PAGE}
    assert len(used(tmp_path, suffix, tables[suffix])) == 1


def test_units_of_the_visible_window_have_an_older_one_before_them() -> None:
    """Chrome 108: an unknown unit drops the declaration, and the one before it counts."""
    bare = [
        f"{path.name}: {line.strip()}"
        for path in STATIC.rglob("*.css")
        for before, line in zip(["", *path.read_text().splitlines()], path.read_text().splitlines(), strict=False)
        if re.search(r"[0-9][dsl]vh\b", line) and before != re.sub(r"([0-9])[dsl]vh", r"\1vh", line)
    ]
    assert bare == []


def test_has_stands_alone() -> None:
    """Firefox 121: where ``:has()`` is unknown the whole rule is dropped, with the selectors beside it."""
    rules = [
        f"{path.name}: {rule.strip()}"
        for path in STATIC.rglob("*.css")
        for rule in re.findall(r"(?:^|[}{;/])([^{}]*:has\([^{}]*)\{", path.read_text())
        if "," in re.sub(r"\([^()]*\)", "", rule)
    ]
    assert rules == []
