"""One script of many modules: what is refused, and what a browser's engine makes of the rest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser.node import node
from web.request.static_files.joined_script import join, joined_name, module_of

_NODE = node()
_MODULES = {
    "package.json": '{"type": "module"}',
    "a/page.js": """// Runs last.
import "../first.js";
import {
  count,
  Counter as Other,
} from "../lib.js";
import { add } from "./b.js";

add();
add();
const said = [count(), new Other().count, globalThis.order.join(" "), import.meta.url, await_()];
function await_() {
  return "import { x } from \\"./none.js\\";";
}
console.log(JSON.stringify(said));
""",
    "a/b.js": """import { counter, more } from "../lib.js";

globalThis.order.push("b");

export async function later() {
  return import.meta.url;
}

export function add() {
  counter.count += more;
}
console.log(JSON.stringify(import.meta.url));
""",
    "lib.js": """export class Counter {
  count = 0;
}
export const counter = new Counter();
export const more = 2;
globalThis.order.push("lib");

export function count() {
  return counter.count;
}
""",
    "first.js": 'globalThis.order = ["first"];\n',
}


def _run(folder: Path, script: str) -> list[Any]:
    """Run a file as a module in V8; return what it says, line by line."""
    said = subprocess.run([_NODE, folder / script], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The modules, and the joined script with its map where the page's module is."""
    (tmp_path / "a").mkdir()
    script = join("a/page.js", _MODULES)
    files = _MODULES | {"a/page.joined.js": script.text, "a/page.joined.js.map": script.source_map}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_does_what_the_modules_do(folder: Path) -> None:
    said = _run(folder, "a/page.joined.js")
    assert said == _run(folder, "a/page.js")
    b, (count, fresh, order, page, _) = said
    assert (count, fresh, order) == (4, 0, "first lib b")
    assert [b, page] == [(folder / name).as_uri() for name in ("a/b.js", "a/page.js")]


def test_developer_tools_find_every_line_in_its_module(folder: Path) -> None:
    read = """const { SourceMap } = require("module");
      const lines = JSON.parse(require("fs").readFileSync(process.argv[1]));
      const { text, map } = lines, found = new SourceMap(JSON.parse(map));
      const place = ({ originalSource, originalLine }) => [originalSource, originalLine];
      console.log(JSON.stringify(text.split("\\n").map((_, line) => place(found.findEntry(line, 0)))));"""
    text, source_map = join("a/page.js", _MODULES)
    (folder / "both.json").write_text(json.dumps({"text": text, "map": source_map}))
    said = subprocess.run(
        [_NODE, "-e", read, folder / "both.json"], capture_output=True, text=True, check=True
    ).stdout
    places = json.loads(said)
    for marked in (
        "count = 0;",
        "counter.count += more",
        "globalThis.order = ",
        "add();",
        "console.log(JSON.stringify(said",
    ):
        line = next(at for at, each in enumerate(text.split("\n")) if marked in each)
        source, original = places[line]
        module = (folder / "a" / source).resolve().relative_to(folder.resolve()).as_posix()
        assert marked in _MODULES[module].split("\n")[original]


@pytest.mark.parametrize(
    "line",
    [
        "export default class {}",
        'export * from "./b.js";',
        'export { b } from "./b.js";',
        "export { page };",
        "export let page = 1;",
        "export const { a, b } = page;",
        'import b from "./b.js";',
        'import * as b from "./b.js";',
        'import { b } from "lib";',
        'import {b} from "./b.js"',
        'import { b } from "./none.js";',
        'import { b } from "../b.js";',
        'import { b } from "./page.js";',
        'import { b } from "./circle.js";',
    ],
)
def test_what_cannot_be_joined_is_refused(line: str) -> None:
    modules = {"a/page.js": f"const one = 1;\n{line}\n", "a/b.js": "", "a/circle.js": 'import "./page.js";'}
    with pytest.raises(ValueError, match=r"\.js"):
        join("a/page.js", modules)


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a/none\.js"):
        join("a/none.js", {})


def test_a_joined_script_has_a_name_of_its_own() -> None:
    assert joined_name("a/page.js") == "a/page.joined.js"
    assert module_of("a/page.joined.js") == module_of("a/page.joined.js.map") == "a/page.js"
    assert [module_of(name) for name in ("a/page.js", "a/page.joined.js.gz", "a/page.joined.css")] == [None] * 3
