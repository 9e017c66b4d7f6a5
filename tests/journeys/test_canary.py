"""Promise 1, shown: a phrase is spoken through a whole call, seen on a screen, and found nowhere afterwards.

Everything runs as it does for a newcomer, each process on its own. Searched are the database's files, NATS's, all
logs, temporary folders, shared memory, every file that any of the processes has open, the memory of those that never
hear, and of the Chromium that showed the words its profile and all that a page can store. On the way: nothing but
loopback is ever connected to. What passes NATS is searched in test_canary_bus.py.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox import call
from tests.kit.browser.chromium import executable, open_link
from tests.kit.machines.sandbox_run import UP, Sandbox, sandbox_run
from tests.kit.media.scripted_wav import write_call

pytestmark = pytest.mark.slow

CANARY = "velvetwombat"
NUMBER = "0491 570 156"
PHRASE = f"please tell {CANARY} nobody"
PICKED = f"call {NUMBER} instead"
LINE = "giddygalah"
"""In the line that the supervisor writes to the agent."""
CARD = "quietquokka"
"""In the help card of a rule, which is kept, but encrypted."""
WAITING = ["and so on"] * 4
"""Said while the words are read."""
DEAF = {"web", "provisioning", "postgres"}
STRETCH = 1 << 24  # bytes


def disguises(word: str) -> list[bytes]:
    """The forms in which a word might lie about."""
    plain = word.encode()
    encoded = [base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    others = [plain.upper(), plain.title(), word.encode("utf-16-le"), plain.hex().encode(), plain[::-1]]
    return [plain, *others, *encoded]


def found_in(paths: Iterator[Path], words: list[bytes]) -> list[str]:
    """The files that hold any of ``words``."""
    hits = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:  # gone meanwhile, or no file to read
            continue
        if any(word in content for word in words):
            hits.append(str(path))
    return hits


def left_behind(folder: Path, since: float) -> Iterator[Path]:
    """Every file of the run, and whatever is new in places where programs leave things."""
    yield from (path for path in folder.rglob("*") if path.is_file())
    for place in (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"), Path("/run")):
        for path in place.glob("*"):
            if path.is_file() and path.stat().st_mtime >= since:
                yield path


def open_files(pids: list[int]) -> Iterator[Path]:
    """Every regular file that the processes have open, deleted ones too, once."""
    seen = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                file = descriptor.stat()
            except OSError:  # closed meanwhile, or a socket
                continue
            if stat.S_ISREG(file.st_mode) and (file.st_dev, file.st_ino) not in seen:
                seen.add((file.st_dev, file.st_ino))
                yield descriptor


def remembered_by(pid: int, words: list[bytes], searched: set[tuple[str, ...]]) -> bool:
    """Whether a process has any of ``words`` in its memory. Raise PermissionError where only root may look.

    What it shares with others is left out if it is among what was ``searched``, and joins it otherwise.
    """
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, rights, offset, device, inode, *_ = line.split()
            piece = (where, offset, device, inode)
            if rights.startswith("rw") and piece not in searched:
                if rights.endswith("s"):
                    searched.add(piece)
                start, end = (int(number, 16) for number in where.split("-"))
                if any(word in stretch for stretch in _stretches(memory, start, end) for word in words):
                    return True
    return False


def rememberers(sandbox: Sandbox, words: list[bytes]) -> set[str] | None:
    """The processes that have any of ``words`` in memory: who spoke has. None where we may not look."""
    searched: set[tuple[str, ...]] = set()  # Postgres has one large piece in each of its many processes
    try:
        pids = {name: family([pid]) for name, pid in sandbox.pids().items() if name in {*DEAF, "outside-world"}}
        return {name for name, each in pids.items() if any(remembered_by(pid, words, searched) for pid in each)}
    except PermissionError:
        return None


def _stretches(memory: FileIO, start: int, end: int) -> Iterator[bytes]:
    """A process's memory in pieces that overlap, so that no word is cut in two."""
    for at in range(start, end, STRETCH):
        try:
            memory.seek(at)
            yield memory.read(min(STRETCH + 64, end - at))
        except (OSError, OverflowError, ValueError):  # unmapped meanwhile
            return


def family(pids: list[int]) -> list[int]:
    """The processes and all their children."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(place.parent.name)] = int(place.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    known = set(pids)
    while grown := {pid for pid, parent in parents.items() if parent in known} - known:
        known |= grown
    return sorted(known)


def strangers(pids: list[int]) -> set[str]:
    """Addresses off this machine to which the processes are, or are being, connected."""
    away = dict(_connected_away())
    sockets = _sockets_of(pids) if away else set()
    return {address for socket, address in away.items() if socket in sockets}


def _connected_away() -> Iterator[tuple[str, str]]:
    """Every socket of this machine that is connected to another one, and the other's address."""
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address = fields[2].partition(":")[0]
            if not _is_here(address):
                yield fields[9], address


def _sockets_of(pids: list[int]) -> set[str]:
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = os.readlink(descriptor)
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    return sockets


def _is_here(address: str) -> bool:
    """Loopback or nobody, as /proc/net spells them: IPv4 backwards (127.… ends with 7F), IPv6 in words of four."""
    is_v4 = len(address) == 8
    return not address.strip("0") or address.endswith("7F" if is_v4 else ("0100007F", "01000000"))


async def watch_sockets(pids: list[int], seen: set[str]) -> None:
    """Note every stranger's address until cancelled."""
    while True:
        seen |= strangers(pids)
        await asyncio.sleep(0.05)


STORED = """async () => ({
  local: Object.values({ ...localStorage }),
  session: Object.values({ ...sessionStorage }),
  caches: (await caches.keys()).length,
  databases: (await indexedDB.databases()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  cookies: document.cookie,
  state: history.state,
  name: window.name,
})"""
"""All places in which a page can leave something."""


async def keep_rule(sandbox: Sandbox, page: Page) -> None:
    """Have an admin keep a phrase rule that what is said will fire."""
    await open_link(page, sandbox.links[0])
    await page.goto(f"{page.url.partition('/console')[0]}/phrases")
    await page.locator("[name=name]").fill("A rule")
    await page.locator("[name=phrases]").fill("please tell")
    await page.locator("[name=card]").fill(f"A {CARD} help card")
    await page.locator("[name=on]").check()
    await page.locator("form[action='/phrases/save'] button[type=submit]").click()
    await expect(page.locator("main")).to_contain_text("A rule")


async def read(page: Page) -> None:
    """Do all that a reader can: find, mark, copy, have translated, see what was noticed, write to the agent."""
    await expect(page.locator(".phrase-card")).to_contain_text([CARD])
    await expect(page.locator("button.pick").first).to_be_visible()
    for key in ("c", "y", "m", "f"):
        await page.keyboard.press(key)
    await page.locator("#find-text").fill(CANARY)
    await expect(page.locator(".found")).to_have_count(1)
    await page.keyboard.press("Escape")
    await page.locator("#reading-open").click()
    await page.locator("#translate-to").select_option("vi")
    await page.keyboard.press("Escape")
    await expect(page.locator(".translation").first).to_contain_text(CANARY[::-1])
    await page.locator("#write-text").fill(f"offer the {LINE} discount")
    await page.keyboard.press("Enter")
    await expect(page.locator(".written-line")).to_contain_text([LINE])


async def show(sandbox: Sandbox, page: Page, wav: Path) -> None:
    """Watch one call, spoken from ``wav``, until it is over."""
    await open_link(page, sandbox.links[1])
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
    emulator = f"http://127.0.0.1:{sandbox.ports['SANDBOX_TWILIO_PORT']}"
    sound = await asyncio.to_thread(wav.read_bytes)
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(call.place(emulator, sound, "", ""))
        await page.locator("#call-list [data-call] > button").first.click()
        await expect(page.locator("#lines")).to_contain_text(PHRASE)
        await read(page)
    assert calling.result() == "completed"
    await expect(page.locator("#transcript")).to_have_attribute("data-state", "ended")
    stored = await page.evaluate(STORED)
    for word in (CANARY, NUMBER, LINE, CARD):
        assert word not in json.dumps(stored)
    assert [stored[name] for name in ("caches", "databases", "workers", "state")] == [0, 0, 0, None]


async def test_what_was_said_is_found_nowhere(tmp_path: Path, free_port: Callable[[], int]) -> None:
    since = time.time()
    wav = write_call(tmp_path / "said.wav", [PHRASE, PICKED, *WAITING], pause_seconds=3)
    profile = tmp_path / "profile"
    folder = tmp_path / "sandbox"
    expect.set_options(timeout=60_000)
    async with sandbox_run(folder, free_port, SANDBOX_SPEECH="scripted") as sandbox:
        await sandbox.until(UP)
        ours = family(list(sandbox.pids().values()))
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                profile, executable_path=executable(), args=["--no-sandbox"]
            )
            seen: set[str] = set()
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(watch_sockets(ours, seen))
                await keep_rule(sandbox, await context.new_page())
                await show(sandbox, context.pages[0], wav)
                watching.cancel()
            assert seen == set()
            await context.close()
        words = disguises(CANARY) + disguises(NUMBER) + disguises(LINE)
        kept = disguises(CARD)
        remember = rememberers(sandbox, words[:1])
        assert remember is None or (remember & DEAF == set() and "outside-world" in remember)
        assert found_in(open_files(ours), words + kept) == []
        assert _core_size(sandbox.pids()["media"]) == "0"
        assert await sandbox.stop() == 0
    assert found_in(left_behind(folder, since), words + kept) == []
    assert found_in(left_behind(profile, since), words) == []
    # The search works: what is kept is found.
    assert found_in(left_behind(folder, since), [b"stream started"]) != []


def test_the_search_sees_through_disguises(tmp_path: Path) -> None:
    for number, form in enumerate(disguises(CANARY)):
        (tmp_path / str(number)).write_bytes(b"before " + form + b" after")
    hidden = base64.b64encode(f"he said {PHRASE}".encode())
    (tmp_path / "hidden").write_bytes(hidden)
    found = found_in((path for path in tmp_path.iterdir()), disguises(CANARY))
    assert len(found) == len(disguises(CANARY)) + 1


def _core_size(pid: int) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4]
