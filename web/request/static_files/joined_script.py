"""Make one script of a page's module and of all that it imports: a browser asks once, instead of a hundred times.

Our modules are written for it: ``import { … } from "./…"`` or ``import "./…"`` at the start of a line, and ``export``
before a function, a class or a constant. Whatever else begins so is refused, and so is a circle of imports. Each
module becomes a function that returns what it exports, line for line as it is written, so that developer tools show
the modules themselves.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

_IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"(\.[^"]+)";', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b(?!\().*", re.MULTILINE)
_ITS_URL = "import.meta.url"
_ENDING = ".joined.js"


class JoinedScript(NamedTuple):
    """The script, and its source map (https://tc39.es/ecma426/), JSON."""

    text: str
    source_map: str


def join(name: str, modules: Mapping[str, str]) -> JoinedScript:
    """Return the module ``name`` of ``modules`` (texts by path) with all that it imports, each once and before use.

    The script belongs beside ``name``, as `joined_name`, and its map beside it, as that and ``.map``. Raise
    ValueError for a module that cannot be joined.
    """
    folder = posixpath.dirname(name)
    lines: list[str] = []
    sections: list[dict[str, object]] = []
    order = _in_order(name, modules)
    for module in order:
        text = _function(module, modules[module], order, folder)
        source = posixpath.relpath(module, folder or ".")
        same_lines = ";".join(["AAAA", *["AACA"] * modules[module].count("\n")])
        line_map = {"version": 3, "sources": [source], "names": [], "mappings": same_lines}
        sections.append({"offset": {"line": len(lines) + 1, "column": 0}, "map": line_map})
        lines += text.split("\n")
    lines.append(f"//# sourceMappingURL={posixpath.basename(joined_name(name))}.map\n")
    return JoinedScript("\n".join(lines), json.dumps({"version": 3, "sections": sections}))


def joined_name(name: str) -> str:
    """Return what the joined script of the module ``name`` is called: ``console/console.joined.js``."""
    return name.removesuffix(".js") + _ENDING


def module_of(joined: str) -> str | None:
    """Return the module whose joined script, or its map, is called ``joined``; None if that is no such name."""
    start, found, rest = joined.rpartition(_ENDING)
    return f"{start}.js" if found and rest in ("", ".map") else None


def _in_order(name: str, modules: Mapping[str, str]) -> dict[str, int]:
    """Return ``name`` and all that it imports, each after what it imports itself, with their numbers."""
    order: dict[str, int] = {}
    open_ones: list[str] = []

    def visit(module: str) -> None:
        if module in order:
            return
        if module in open_ones:
            raise ValueError(f"modules import each other: {' → '.join((*open_ones, module))}")
        if module not in modules:
            raise ValueError(f"there is no such module: {' → '.join((*open_ones, module))}")
        open_ones.append(module)
        for _, other in _IMPORT.findall(modules[module]):
            visit(_beside(module, other))
        open_ones.pop()
        order[module] = len(order)

    visit(name)
    return order


def _beside(module: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), other))


def _function(module: str, text: str, order: Mapping[str, int], folder: str) -> str:
    """Return the module as a function that is called at once; its lines follow a first one, and end before a last."""

    def imported(found: re.Match[str]) -> str:
        names, other = found.groups()
        if names is None:
            return ""
        return f"const {names.replace(' as ', ': ')} = m{order[_beside(module, other)]};"

    exported = ", ".join(_EXPORT.findall(text))
    text = _EXPORT.sub("", _IMPORT.sub(imported, text))
    if (other := _OTHER.search(text)) is not None:
        raise ValueError(f"{module}: cannot be joined: {other[0]}")
    its_url = f'new URL("{posixpath.relpath(module, folder or ".")}", {_ITS_URL}).href'
    return f"const m{order[module]} = (() => {{\n{text.replace(_ITS_URL, its_url)}\nreturn {{ {exported} }};\n}})();"
