"""What the wall decides without a page: addresses, places side by side, orders, filters, what a row says."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.kit.browser.console_page import Open
from tests.kit.media.live_media import LiveMedia
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

_RUN = """async ([module, name, calls]) => {
  const found = (await import(`/static/0/console/wall/${module}.js`))[name];
  return calls.map((args) => found(...args));
}"""


async def run(page: Page, module: str, name: str, calls: list[list[Any]]) -> list[Any]:
    """What a function of the wall gives for each list of arguments."""
    found: list[Any] = await page.evaluate(_RUN, [module, name, calls])
    return found


def facts(**said: Any) -> dict[str, Any]:
    call = {"id": "CA1", "agent": "bob", "startedAt": 0}
    nothing = {"who": "", "customer": "", "number": "", "line": "", "direction": "Inbound", "label": "Live"}
    unknown: dict[str, Any] = {
        "words": "",
        "latencyMs": None,
        "quietMs": None,
        "callerShare": None,
        "alerts": [],
        "hand": None,
    }
    return {"call": call, **nothing, **unknown, **said}


async def addresses(page: Page) -> None:
    wall: dict[str, Any] = {"call": None, "calls": [], "newest": False}
    asked = {
        "": wall,
        "#call=CA1": wall | {"call": "CA1"},
        "#calls=CA1,CA2,CA1": wall | {"calls": ["CA1", "CA2"]},
        "#calls=CA1&newest": wall | {"calls": ["CA1"], "newest": True},
        "#calls=&newest": wall | {"newest": True},
        "#call=<img>": wall,
        "#calls=x,CA2": wall | {"calls": ["CA2"]},
        "#/calls?call=CA1": wall,
    }
    assert await run(page, "address", "parse", [[each] for each in asked]) == list(asked.values())
    round_trip = ["", "#call=CA1", "#calls=CA1,CA2", "#calls=CA1&newest", "#calls=&newest"]
    assert (
        await run(page, "address", "format", [[asked.get(each) or wall_of(each)] for each in round_trip])
        == round_trip
    )
    [many] = await run(page, "address", "parse", [["#calls=" + ",".join(f"CA{number}" for number in range(9))]])
    assert len(many["calls"]) == 6


def wall_of(address: str) -> dict[str, Any]:
    return {"call": None, "calls": address.removeprefix("#calls=").split(",") if address else [], "newest": False}


async def places(page: Page) -> None:
    def place(*ids: str, pinned: str = "") -> list[dict[str, Any]]:
        return [{"id": each, "pinned": each in pinned.split()} for each in ids]

    six = place("a", "b", "c", "d", "e", "f", pinned="a")
    assert await run(
        page,
        "beside",
        "added",
        [[[], "a"], [place("a"), "a"], [six, "g"], [place(*"abcdef", pinned="a b c d e f"), "g"]],
    ) == [
        place("a"),
        place("a"),
        place("a", "g", "c", "d", "e", "f", pinned="a"),
        place(*"abcdef", pinned="a b c d e f"),
    ]
    assert await run(page, "beside", "removed", [[six, "a"]]) == [place("b", "c", "d", "e", "f")]
    assert await run(page, "beside", "pinned", [[place("a"), "a"], [place("a", pinned="a"), "a"]]) == [
        place("a", pinned="a"),
        place("a"),
    ]
    assert await run(page, "beside", "placed", [[six, ["f", "a", "x"]]]) == [place("f", "a", "x", pinned="a")]
    over = (
        "(places) => import('/static/0/console/wall/beside.js').then((m) => m.added(places, 'g', (id) => id === 'd'))"
    )
    assert [each["id"] for each in await page.evaluate(over, six)] == ["a", "b", "c", "g", "e", "f"]


async def filters(page: Page) -> None:
    row = facts(
        who="Bob Brown",
        customer="Mia Moore",
        number="0412 345 678",
        line="Bookings",
        words="my order has not come",
        alerts=["Refund asked"],
        hand="asked",
    )
    matched = [
        "",
        "bob",
        "MOORE",
        "0412345678",
        "345 678",
        "+61 412 345 678",
        "not come",
        "refund",
        "live",
        "mia come",
    ]
    missed = ["dana", "0413", "gone", "mia gone", "9"]
    assert await run(page, "arrange", "matches", [[row, text] for text in matched]) == [True] * len(matched)
    assert await run(page, "arrange", "matches", [[row, text] for text in missed]) == [False] * len(missed)
    measured = facts(who="Bob Brown", lengthMs=600_000, latencyMs=900, quietMs=None, callerShare=70)
    compared = {
        "length>9.5": True,
        "length > 10": False,
        "length<11 bob": True,
        "length<11 dana": False,
        "delay>0.5 delay<1": True,
        "silence<100": False,  # nobody has spoken yet: not known
        "Caller>69": True,
        "agent>30": False,
    }
    assert await run(page, "arrange", "matches", [[measured, text] for text in compared]) == list(compared.values())
    withheld = facts(who="Bob Brown", number="(02) 9374 4000")
    assert await run(page, "arrange", "matches", [[withheld, "0293744000"], [withheld, "61293744000"]]) == [
        True,
        True,
    ]


async def orders(page: Page) -> None:
    rows = [
        facts(who="Dana", latencyMs=900, quietMs=None, callerShare=70, label="Live"),
        facts(who="Alice", latencyMs=None, quietMs=60_000, callerShare=None, label="Silent"),
        facts(who="Bob", latencyMs=4_000, quietMs=5_000, callerShare=20, label="Live", alerts=["late"]),
    ]
    for number, row in enumerate(rows):
        row["call"] = {"id": f"CA{number}", "agent": "x", "startedAt": number}
    expected = {
        "longest": "Dana Alice Bob",
        "newest": "Bob Alice Dana",
        "agent": "Alice Bob Dana",
        "delay": "Bob Dana Alice",
        "quiet": "Alice Bob Dana",
        "caller": "Dana Bob Alice",
        "agents": "Bob Dana Alice",
        "alerts": "Bob Dana Alice",
        "state": "Dana Bob Alice",
        "of tomorrow": "Dana Alice Bob",
    }
    found = await run(page, "arrange", "inOrder", [[rows, order] for order in expected])
    assert [" ".join(each["who"] for each in some) for some in found] == list(expected.values())
    offered = await page.locator("#order option").evaluate_all("(all) => all.map(({ value }) => value)")
    assert set(offered) == set(
        await page.evaluate("import('/static/0/console/wall/arrange.js').then((m) => m.ORDERS)")
    )


async def people(page: Page) -> None:
    everybody: dict[str, Any] = {"text": "", "scope": None}
    team = [
        {"member": "d", "name": "Dana", "state": "break", "since": 3},
        {"member": "a", "name": "alice", "state": "on_call", "since": 1},
        {"member": "b", "name": "Bob", "state": "available", "since": 2},
    ]
    expected = {"name": "a b d", "state": "b a d", "longest": "a b d", "newest": "d b a", "of tomorrow": "d a b"}
    found = await run(page, "people", "teamShown", [[team, everybody | {"order": order}] for order in expected])
    assert [" ".join(each["member"] for each in some) for some in found] == list(expected.values())
    typed = {"bob": "b", "on a call": "a", "0412": "", "a": "a b d"}
    found = await run(
        page, "people", "teamShown", [[team, everybody | {"text": text, "order": "name"}] for text in typed]
    )
    assert [" ".join(each["member"] for each in some) for some in found] == list(typed.values())
    waiting = [
        {"call": "1", "caller": {"number": "0412 345 678", "name": "Zoe", "calls": 0}, "line": "Sales", "since": 1},
        {"call": "2", "caller": {"number": None, "name": None, "calls": 0}, "line": "Bookings", "since": 2},
    ]
    orders_of_waiting = {"longest": "1 2", "newest": "2 1", "customer": "2 1", "line": "2 1"}
    asked = [[waiting, everybody | {"order": order}] for order in orders_of_waiting]
    found = await run(page, "people", "waitingShown", asked)
    assert [" ".join(each["call"] for each in some) for some in found] == list(orders_of_waiting.values())
    [numbered] = await run(page, "people", "waitingShown", [[waiting, everybody | {"text": "412345"}]])
    assert [each["call"] for each in numbered] == ["1"]


_SCOPED = """async (questions) => {
  const { Groups } = await import("/static/0/console/wall/groups.js");
  const groups = new Groups("sam");
  const members = [{ id: "g", name: "G", members: ["sam", "bob"] }, { id: "h", name: "H", members: ["dana"] }];
  const live = [{ call_sid: "CAg", groups: ["g"] }, { call_sid: "CAall", groups: [] }];
  groups.hear({ group_members: members, live });
  return questions.map(([choice, id, agent]) => groups.hasCall(groups.scope(choice), { id, agent }));
}"""


async def groups(page: Page) -> None:
    expected = {
        ("g", "CA1", "bob"): True,
        ("g", "CA1", "dana"): False,
        ("h", "CA1", "dana"): True,
        ("mine", "CA1", "bob"): True,
        ("mine", "CA1", "dana"): False,
        ("g", "CAg", None): True,  # rings the group
        ("h", "CAg", None): False,
        ("g", "CAg", "dana"): True,  # is being handed over to it
        ("h", "CAall", None): True,  # rings everybody
        ("h", "CAall", "bob"): False,
        ("gone", "CA1", "dana"): True,
        ("", "CA1", None): True,
    }
    assert await page.evaluate(_SCOPED, [list(each) for each in expected]) == list(expected.values())


async def rows_say_nothing_old(page: Page) -> None:
    spoken = {"speaker": "caller", "text": "hello", "final": True, "endMs": 1_000}
    talk = {
        "caller_ms": 30_000,
        "agent_ms": 10_000,
        "both_ms": 0,
        "silence_ms": 0,
        "caller_words": 1,
        "agent_words": 1,
    }
    call = {
        "state": "transcribing",
        "answered": True,
        "startedAt": 0,
        "latencyMs": 700,
        "talk": talk,
        "spoken": spoken,
    }
    call |= {"direction": "inbound", "phrases": [{"name": "Refund"}, {"name": "Greeting", "must_say": True}]}
    beside = {"isLive": True, "now": 11_000, "who": "Bob"}
    live, stale, held, ended = await run(
        page,
        "facts",
        "factsOf",
        [
            *([call, beside], [call, beside | {"isLive": False}]),
            *([call | {"state": "held"}, beside], [call | {"state": "ended"}, beside | {"hand": "asked"}]),
        ],
    )
    kept = ("words", "latencyMs", "quietMs", "callerShare", "alerts")
    assert [live[name] for name in kept] == ["hello", 700, 10_000, 75, ["Refund"]]
    assert [stale[name] for name in kept] == ["", None, None, None, []]
    assert [held[name] for name in kept] == ["hello", None, None, 75, ["Refund"]]
    assert (ended["words"], ended["hand"], ended["alerts"]) == ("", None, [])


async def test_what_the_wall_decides(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.sam)
    await media.console()
    for decides in (addresses, places, filters, orders, people, groups, rows_say_nothing_old):
        await decides(page)
