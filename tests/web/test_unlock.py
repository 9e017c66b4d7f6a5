"""Whoever runs the installation resets the second factor of a sole owner: once, audited, and told by mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.engine import Database
from sandbox.mail import Mailbox
from tests.kit.sign_in.authenticator import enrolled
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser
from web.unlock import unlock


@pytest.mark.usefixtures("postman")
async def test_an_only_owner_gets_back_in(
    cast: Cast, browser: Callable[[], Browser], database: Database, outbox: tuple[Mailbox, int]
) -> None:
    alice = await browser().sign_in(cast.alice)
    await enrolled(database, cast.alice)
    assert await unlock(database, " Alice@Acacia.example ")
    assert (await alice.get("/account")).status == 303  # signed out
    await outbox[0].letter_to(cast.alice.email)
    assert await recorded(database, cast.a, "second_factor.reset") == [{"member": "Alice Ashby", "role": "owner"}]
    await browser().sign_in_by_link(cast.alice)  # by the link alone
    assert not await unlock(database, cast.alice.email)


async def test_there_is_nothing_to_reset_for_others(cast: Cast, database: Database) -> None:
    await enrolled(database, cast.alice)
    for email in (cast.charlie.email, "nobody@acacia.example", "nothing"):
        assert not await unlock(database, email)
