"""What an agent does next, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.agent.duties import Act, Answer, Choose, FinishWrapUp, Leave, Rejoin, next_act

ME, DANA = "a" * 32, "dddddddd-dddd-dddd-dddd-dddddddddddd"


def told(**parts: Any) -> dict[str, Any]:
    """What the event stream of an available agent says, who has nothing to do."""
    team = [{"member": ME, "state": "available"}]
    return {"presence": {"chosen": "available"}, "offers": [], "call": None, "wrap_up": None, "team": team} | parts


def beside(state: str) -> list[dict[str, str]]:
    return [{"member": ME, "state": "available"}, {"member": DANA, "state": state}]


@pytest.mark.parametrize(
    ("parts", "room", "act"),
    [
        ({}, None, None),
        ({"presence": {"chosen": "offline"}}, None, Choose("available")),
        ({"offers": [{"call": "c1"}, {"call": "c2"}]}, None, Answer("c1")),
        ({"offers": [{"call": "c1"}]}, "c1", Leave()),
        ({"call": {"call": "c1"}}, "c1", None),
        ({"call": {"call": "c1"}}, None, Rejoin("c1")),
        ({"call": {"call": "c1"}}, "c2", Rejoin("c1")),
        ({"call": {"call": "c1"}, "presence": {"chosen": "offline"}}, "c1", None),
        ({"wrap_up": {"call": "c1"}, "offers": [{"call": "c2"}]}, None, FinishWrapUp("c1")),
    ],
)
def test_what_is_due(parts: dict[str, Any], room: str | None, act: Act | None) -> None:
    assert next_act(told(**parts), room=room) == act


@pytest.mark.parametrize("state", ["available", "on_call", "wrap_up"])
def test_who_stands_in_goes_when_a_colleague_comes(state: str) -> None:
    assert next_act(told(team=beside(state)), room=None, me=ME) == Choose("offline")
    away = told(team=beside(state), presence={"chosen": "offline"}, offers=[{"call": "c1"}])
    assert next_act(away, room=None, me=ME) == Answer("c1"), "what still rings is not left to ring"
    assert next_act(told(team=beside(state)), room=None) is None, "who works for themselves stays"


@pytest.mark.parametrize("state", ["offline", "break", "unreachable"])
def test_who_stands_in_works_while_nobody_does(state: str) -> None:
    assert next_act(told(team=beside(state), presence={"chosen": "offline"}), room=None, me=ME) == Choose("available")
    assert next_act(told(team=beside(state)), room=None, me=ME) is None
