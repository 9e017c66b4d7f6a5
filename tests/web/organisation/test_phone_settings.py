"""The phone's settings: lists, wrap-up, notes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.engine import Database
from db.models import Organisation
from db.queries.phone.choices import Choices
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.organisation import phone_form
from web.organisation.phone_form import LONGEST_LABEL, PhoneSettings

Browsers = Callable[[], Browser]
FORM = {
    "break": "Lunch\r\nTraining\r\n",
    "outcome": " Booked \r\n\r\nNo  sale\r\nBooked",
    "tag": "",
    "wrap_up_seconds": "45",
    "notes_on": "yes",
    "notification_numbers": "",
}


def test_lists_are_read_line_by_line() -> None:
    settings, wrong = phone_form.read(FORM)
    assert wrong == {}
    lists = {"break": ("Lunch", "Training"), "outcome": ("Booked", "No sale"), "tag": ()}
    assert settings == PhoneSettings(lists, 45, notes_on=True, notification_numbers=False)  # type: ignore[arg-type]
    assert phone_form.read(phone_form.typed(settings)) == (settings, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", "x" * (LONGEST_LABEL + 1)),
        ("outcome", "\n".join(map(str, range(51)))),
        *(("wrap_up_seconds", text) for text in ("", "-1", "601", "half a minute", "9" * 20)),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field: str, value: str) -> None:
    assert list(phone_form.read(FORM | {field: value})[1]) == [field]


async def labels(database: Database, cast: Cast, kind: str) -> list[str]:
    async with database.begin() as session:
        return [each.label for each in await Choices(session, cast.a.id).all() if each.kind == kind]


async def test_what_is_saved_is_shown_and_what_is_taken_out_stays_with_its_calls(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/settings/phone", data=FORM)).status == 303
    assert await labels(database, cast, "outcome") == ["Booked", "No sale"]
    async with database.begin() as session:
        organisation = await session.get(Organisation, cast.a.id)
        assert organisation is not None
        assert (organisation.wrap_up_seconds, organisation.notes_on) == (45, True)
        before = {each.label: each.id for each in await Choices(session, cast.a.id).all()}
    page = await (await alice.get("/settings/phone")).text()
    assert "Booked\nNo sale</textarea>" in page
    assert (await alice.post("/settings/phone", data=FORM | {"outcome": "No sale\r\nCallback"})).status == 303
    assert await labels(database, cast, "outcome") == ["No sale", "Callback"]
    async with database.begin() as session:
        rows = Choices(session, cast.a.id)
        assert (await rows.labels())[before["Booked"]] == "Booked"
        assert not await rows.may_choose("outcome", before["Booked"])
        assert await rows.may_choose("outcome", before["No sale"])
        assert await Choices(session, cast.b.id).all() == []


async def test_a_wrong_form_changes_nothing(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/settings/phone", data=FORM | {"wrap_up_seconds": "soon"})
    assert answer.status == 400
    assert 'value="soon"' in await answer.text()
    assert await labels(database, cast, "break") == []


async def test_only_for_who_may(browser: Browsers, cast: Cast) -> None:
    for member in (cast.bob, cast.sam):
        other = await browser().sign_in(member)
        assert (await other.get("/settings/phone")).status == 403
        assert (await other.post("/settings/phone", data=FORM)).status == 403
