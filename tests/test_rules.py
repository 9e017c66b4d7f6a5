"""The rules of the house, kept by machine: what a reviewer says twice becomes a line here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PRODUCT = ["media", "web", "provisioning", "db", "protocol", "runtime"]
_PACKAGES = [*_PRODUCT, "sandbox"]
_MOST_MODULES = 15
_MAX_FUNCTION_LINES = 60
_BANNED_WORDS = (
    r"(?i)\b(whence|whereto|whither|nobody's|thereby|thereof|anew|of late|mend|mended|mending|lest|shall|sees? to it"
    r"|warden)\b"
)
_NO_NOUNS = {"utils", "util", "helpers", "services", "common", "misc", "manager", "handlers"}


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


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _too_long(path: Path) -> list[str]:
    functions = (node for node in ast.walk(_tree(path)) if isinstance(node, _FUNCTION))
    return [
        f"{path.relative_to(_ROOT)}: {node.name}"
        for node in functions
        if (node.end_lineno or 0) - node.lineno >= _MAX_FUNCTION_LINES
    ]


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_MAY_RUN_AGAIN = {
    "test_many_calls_at_once_on_two_nodes_start_no_faster_than_aws_allows",
    # These kill, freeze or silence a node, and wait until it counts as gone.
    "test_a_killed_nodes_call_goes_on_at_another",
    "test_a_silent_nodes_call_goes_on_at_another_though_twilio_notices_nothing",
    "test_a_node_that_dies_while_the_bus_stands_still_is_missed_afterwards",
    "test_two_web_processes_that_notice_the_same_start_one_stream",
    "test_what_was_said_on_a_node_that_died_is_kept_by_another",
    "test_a_web_process_that_has_just_come_learns_where_calls_are",
    "test_a_call_that_no_node_reports_to_a_new_web_process_goes_on",
    "test_two_new_web_processes_start_one_stream_of_a_call_that_no_node_reports",
}
_CODE = [path for path in _files(*_PACKAGES, "tests") if "versions" not in path.parts]


def test_a_room_can_be_overseen() -> None:
    """No folder of the product, the sandbox or the tests has more than 15 modules beside its sub-folders."""
    rooms = Counter(
        str(path.parent.relative_to(_ROOT)) for path in _CODE if path.stem not in ("__init__", "conftest")
    )
    assert {room: count for room, count in rooms.items() if count > _MOST_MODULES} == {}


def test_a_function_fits_on_a_screen() -> None:
    assert [name for path in _CODE for name in _too_long(path)] == []


def test_files_are_named_after_nouns() -> None:
    assert [path for path in _CODE if path.stem in _NO_NOUNS] == []


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in _files(*_PACKAGES) if _tree(path).body and not ast.get_docstring(_tree(path))]
    assert silent == []


def test_tests_mirror_the_tree() -> None:
    """tests/web/billing/test_checkout.py tests web/billing/checkout.py, or what the room does as a whole."""
    rooms = {path.parent.relative_to(_ROOT / "tests") for path in _files("tests", pattern="test_*.py")}
    others = {Path(), Path("captured"), Path("deploy"), Path("journeys")}
    assert {str(room) for room in rooms - others if not (_ROOT / room).is_dir()} == set()
    assert list((_ROOT / "tests").rglob("__init__.py")) == []


def test_the_maps_show_every_room() -> None:
    """README's layout and each package's docstring name what one finds there."""
    layout = (_ROOT / "README.md").read_text()
    for package in _PRODUCT:
        rooms = {path.parent.name for path in (_ROOT / package).glob("*/__init__.py")}
        shown = ast.get_docstring(_tree(_ROOT / package / "__init__.py")) or ""
        assert {room for room in rooms if not re.search(rf"\b{room}\b", shown)} == set(), package
        assert {room for room in {package, *rooms} if f"{room}/" not in layout} == set(), package


def test_a_room_says_what_is_in_it() -> None:
    """The docstring of every package and room names each module and each room in it."""
    silent = {}
    for house in (
        path for path in _files(*_PACKAGES, "deploy") if path.name == "__init__.py" and "versions" not in path.parts
    ):
        inside = [path.stem for path in house.parent.glob("*.py") if not path.stem.startswith("__")]
        inside += [path.parent.name for path in house.parent.glob("*/__init__.py")]
        shown = _pointed_at(ast.get_docstring(_tree(house)) or "")
        if unnamed := [name for name in inside if not re.search(rf"\b{name}\b", shown)]:
            silent[str(house.parent.relative_to(_ROOT))] = unnamed
    assert silent == {}


def _pointed_at(docstring: str) -> str:
    """Return what a docstring puts into backticks or into its picture: a word of a sentence names no module."""
    drawn = [line for line in docstring.splitlines() if line.startswith("  ")]
    return " ".join([*re.findall(r"(?<!`)`([^`]+)`(?!`)", docstring), *drawn])


def test_tests_that_documents_name_exist() -> None:
    """Documents name them without ``tests/`` and ``.py``, docstrings with both."""
    documents = " ".join(path.read_text() for path in [*_files("docs", pattern="*.md"), _ROOT / "README.md"])
    docstrings = " ".join(path.read_text() for path in _files(*_PACKAGES))
    named = [f"tests/{name}.py" for name in re.findall(r"`((?:\w+/)+test_\w+)`", documents)]
    named += re.findall(r"`(tests/(?:\w+/)+test_\w+\.py)", documents + docstrings)
    assert named
    assert [name for name in named if not (_ROOT / name).is_file()] == []


def test_a_folder_of_files_can_be_overseen() -> None:
    """Templates, scripts and sheets are in rooms, too. Migrations and a vendor's sounds only ever stand in line."""
    folders = ["web/static", "web/templates", "provisioning/mail/templates", "sandbox", "deploy"]
    files = [path for path in _files(*folders, pattern="*.*") if path.name != "__init__.py"]
    rooms = Counter(str(path.parent.relative_to(_ROOT)) for path in files)
    many = {room for room, count in rooms.items() if count > _MOST_MODULES}
    assert many <= {"web/static/sounds"}, many


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_product_does_not_know_the_sandbox() -> None:
    assert _matches(r"(?i)sandbox", _files(*_PRODUCT, pattern="*.*")) == []


def test_the_product_writes_no_files() -> None:
    """Promise 1 in source: nothing opens a file to write, makes a temporary one, or dumps memory."""
    writing = r"\.write_(text|bytes)\(|\bopen\([^)]*[\"'][wax]b?\+?[\"']|\b(tempfile|faulthandler|shelve|pickle)\b"
    assert _matches(writing, _files(*_PRODUCT)) == []


def test_subjects_of_nats_stand_in_one_file() -> None:
    """`protocol.messages` knows them; everybody else asks it."""
    root = r"(call|handover|member|node|progress|ticket|slots|transcript|snapshot|echo|_INBOX)"
    subject = rf"[\"']({root}\.(\{{|\*|>)|facts\.wanted|ticket\.spent|slots\.|_INBOX\.)"
    assert _matches(subject, [path for path in _files(*_PRODUCT) if path.name != "messages.py"]) == []


def test_nobody_uses_what_is_private_to_others() -> None:
    """``_name`` of anything but oneself: of a library (it may go with any release), or of another class of ours."""
    private = [use for path in _files(*_PACKAGES, "tests") for use in _private_uses(path)]
    allowed = {use for use in private for known in _PRIVATE_ALL_THE_SAME if re.match(known, use)}
    assert [use for use in private if use not in allowed] == []
    assert [known for known in _PRIVATE_ALL_THE_SAME if not any(re.match(known, use) for use in allowed)] == []


_PRIVATE_ALL_THE_SAME = (
    r"tests/kit/browser/node\.py:.*playwright\._impl",  # where its Node.js is, Playwright says nowhere else
    r"tests/sandbox/twilio/test_emulator\.py:.*call\._from$",  # so Twilio's client calls it: Python has `from`
    r"tests/media/test_captured\.py:.*eventstream\._[A-Z]\w+$",  # what we read is held against AWS's own model
    r"tests/db/test_cancelled\.py:.*database\._engine$",  # how many connections are taken, nothing else has to know
)


def _private_uses(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    own = {name.name for name in ast.walk(tree) if isinstance(name, (*_FUNCTION, ast.ClassDef))}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_self(node.value)}
    found = [
        f"{path.relative_to(_ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr)
        if not _is_self(node.value) and node.attr not in own
    ]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    return found + [
        f"{path.relative_to(_ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for node in imports
        if any(map(_is_private, [*(node.module or "").split("."), *(name.name for name in node.names)]))
    ]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_private(name: str) -> bool:
    """``_replace``, ``_asdict``, ``_fields`` of named tuples and ``os._exit`` are documented."""
    return (
        name.startswith("_") and not name.endswith("__") and name not in ("_replace", "_asdict", "_fields", "_exit")
    )


def test_pages_never_turn_text_into_html() -> None:
    """Speech is untrusted text."""
    dangerous = r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert _matches(dangerous, _files("web/static", pattern="*.js")) == []


def test_pages_obey_their_content_security_policy() -> None:
    """No script or style in line, no event attribute, no way around escaping."""
    breach = r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|\|\s*safe\b|autoescape\s+false"
    assert _matches(breach, _files("web/templates", pattern="*.html")) == []


def test_text_is_plain_english() -> None:
    """Neither code nor pages, mails, documents and deployment files use riddling or archaic words."""
    texts = [*_files(*_PRODUCT, "sandbox", "docs", "deploy", pattern="*.*"), *_files(".ci", pattern="*")]
    own = [path for path in (*texts, _ROOT / "README.md", _ROOT / "Makefile") if "vendor" not in path.parts]
    assert _matches(_BANNED_WORDS, own) == []


def test_no_test_patches_a_module() -> None:
    """Times, limits and clocks are arguments: a patched constant hides what depends on it, and breaks when moved."""
    patched = r"monkeypatch\.(set|del)attr\(|\b(mock|unittest\.mock)\.patch|^\s*[a-z_]+\.[A-Z][A-Z0-9_]+ = "
    patched += r"|monkeypatch\.(set|del)item\((?!os\.environ|sys\.modules)"  # a library that is not installed
    assert _matches(patched, _files("tests")) == []


def test_few_tests_may_be_run_again() -> None:
    """A failing test fails, but for these: on a starved machine a live node counts as dead, as it should."""
    tests = [path for path in _files("tests") if path != Path(__file__) and path.stem != "conftest"]
    marks = _matches(r"may_run_again", tests)
    marked = {
        node.name
        for path in tests
        for node in ast.walk(_tree(path))
        if isinstance(node, _FUNCTION) and any("may_run_again" in ast.unparse(each) for each in node.decorator_list)
    }
    assert marked == _MAY_RUN_AGAIN
    assert len(marks) == len(marked), "each mark is one test's, not a module's or a class's"
    assert _matches(r"mark\.flaky|reruns", tests) == []


def test_nothing_is_left_for_later() -> None:
    assert _matches(r"\b(TODO|FIXME)\b", _files(*_PACKAGES)) == []


def test_nothing_is_dead() -> None:
    """vulture finds no name that nobody uses; what templates read it cannot see."""
    assert _dead() == []


def test_nothing_is_there_for_tests_alone() -> None:
    """Without the tests it finds no more, but for what they need of us and cannot have otherwise."""
    dead = _dead(*_PACKAGES, "deploy")
    names = {re.findall(r"'(\w+)'", line)[0] for line in dead}
    assert [line for line in dead if re.findall(r"'(\w+)'", line)[0] not in _FOR_TESTS | _OF_LIBRARIES] == []
    assert names == _FOR_TESTS | _OF_LIBRARIES


_FOR_TESTS = {
    "VERSION",  # which release of Twilio's SDK our copy is: the tests compare
    "discard_queue",  # of a node's messages to NATS: so a test loses them
    # What people do at the emulated Stripe and at the emulated identity provider, and what they were told.
    *("give_card", "fail_next_payment", "settle_debits", "pay_invoice", "signed_out"),
    "SPEAKERS",  # of the demonstration call
}
_OF_LIBRARIES = {
    "down_revision",  # Alembic's
    "model_config",  # Pydantic's
    "kwargs",  # Authlib's
    "writable",  # asked by zipfile
    # Put into JSON as a whole, by msgspec and `asdict`, and read by scripts of pages.
    *("caller_ms", "agent_ms", "both_ms", "caller_words", "agent_words", "more_calls"),
}


def _dead(*folders: str) -> list[str]:
    """What vulture finds in ``folders``; without any, wherever its settings say."""
    command = [str(Path(sys.executable).with_name("vulture")), *folders]
    ran = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert not ran.stderr
    templates = [_ROOT / "web" / "templates", _ROOT / "provisioning" / "mail" / "templates"]
    templates += sorted((_ROOT / "sandbox").rglob("templates"))
    shown = set(re.findall(r"\w+", " ".join(path.read_text() for each in templates for path in each.rglob("*.*"))))
    return [line for line in ran.stdout.splitlines() if re.findall(r"'(\w+)'", line)[0] not in shown]
