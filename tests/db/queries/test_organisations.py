"""What a state of a subscription means stands in one table of the code and one of the documents: they are equal."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from db.base import Attention, OrganisationStatus, Role
from db.queries.organisations import ATTENTION, ENTITLEMENTS
from provisioning.billing.notices import SUBJECTS

TEXT = (Path(__file__).parents[3] / "docs" / "subscriptions.md").read_text()
ROLES: tuple[Role, ...] = ("owner", "admin", "supervisor", "agent")


def _table(first: str) -> dict[str, list[str]]:
    """The rows of the table whose first heading is ``first``, by their first cell."""
    lines = TEXT[TEXT.index(f"| {first} |") :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_state_has_a_meaning() -> None:
    assert set(ENTITLEMENTS) == set(get_args(OrganisationStatus))


@pytest.mark.parametrize("state", get_args(OrganisationStatus))
def test_the_document_says_what_the_code_does(state: OrganisationStatus) -> None:
    entitlements = ENTITLEMENTS[state]
    watchers = ", ".join(role for role in ROLES if role in entitlements.watchers) or "nobody"
    numbers = "kept" if entitlements.keeps_numbers else "given back after the grace"
    words = {True: "yes", False: "no"}
    assert _table("state")[state] == [
        words[entitlements.connects],
        words[entitlements.transcribes],
        watchers,
        numbers,
    ]


def test_the_document_knows_no_other_state() -> None:
    assert set(_table("state")) == set(ENTITLEMENTS)


def test_all_that_needs_attention_is_in_the_document() -> None:
    said = {name: cells[-1] for name, cells in _table("attention").items()}
    assert said == {name: advice.remedy or "nothing to do" for name, advice in ATTENTION.items()}
    assert set(ATTENTION) == set(get_args(Attention))


def test_every_mail_is_in_the_document() -> None:
    assert set(_table("mail to the owners")) == set(SUBJECTS)


@pytest.mark.parametrize("state", get_args(OrganisationStatus))
def test_whatever_does_not_work_is_explained(state: OrganisationStatus) -> None:
    entitlements = ENTITLEMENTS[state]
    works = entitlements.connects and entitlements.transcribes and entitlements.watchers == set(ROLES)
    assert bool(entitlements.problem) == bool(entitlements.remedy) == (not works)
    assert not entitlements.transcribes or entitlements.connects
