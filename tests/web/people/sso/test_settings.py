"""Owners set their provider up: it is asked before it is stored, and its secret goes nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.engine import Database
from db.models import IdentityProvider
from db.queries.members import Members
from db.queries.sign_in.identity_providers import IdentityProviders
from sandbox.identity.emulator import CLIENT_ID, Identity
from tests.kit.browser.page import Page, page_of
from tests.kit.sign_in.authenticator import enrolled
from tests.kit.sign_in.provider_site import BOB, provider_at, there_and_back, use
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser, Site

Browsers = Callable[[], Browser]
HERE = "/settings/single-sign-on"


async def _stored(database: Database, cast: Cast) -> IdentityProvider | None:
    async with database.begin() as session:
        return await IdentityProviders(session, cast.a.id).get()


def _typed(provider: Identity, **changes: str) -> dict[str, str]:
    return {
        "issuer": provider.url,
        "client_id": CLIENT_ID,
        "client_secret": provider.server.client.secret,
        "domains": "Acacia.example, @acacia.com.au; bücher.example",
        "other_role": "agent",
    } | changes


def _wrong(page: Page) -> list[str]:
    return [each["name"] for each in page.all("input", aria_invalid="true")]


async def test_an_owner_sets_it_up_and_members_sign_in(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await alice.page(HERE)
    assert f"{site.url}/sso/return" in page.text  # what the provider is told
    roles = {"role_claim": "groups", "value_admin": "bilby-admins", "other_role": "none", "is_enforced": "on"}
    assert (await alice.post(HERE, data=_typed(provider, **roles))).status == 303
    stored = await _stored(database, cast)
    assert stored is not None
    assert stored.domains == ["acacia.example", "acacia.com.au", "xn--bcher-kva.example"]
    assert (stored.role_claim, stored.role_values) == ("groups", {"admin": "bilby-admins"})
    assert (stored.other_role, stored.is_enforced) == (None, True)
    assert (await alice.post(HERE, data=_typed(provider))).status == 303
    assert (await there_and_back(browser(), cast.a, BOB)).status == 303
    assert [each["enforced"] for each in await recorded(database, cast.a, "single_sign_on.changed")] == [False, True]


async def test_the_secret_is_shown_to_nobody_and_kept_if_left_empty(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    alice, secret = await browser().sign_in(cast.alice), provider.server.client.secret
    assert (await alice.page(HERE)).one("input", name="client_secret")["value"] == ""
    assert (await alice.post(HERE, data=_typed(provider, client_secret=""))).status == 303
    stored = await _stored(database, cast)
    assert stored is not None
    assert stored.client_secret == secret
    assert all(secret not in str(each) for each in await recorded(database, cast.a, "single_sign_on.changed"))


async def test_a_stored_secret_goes_to_no_other_issuer(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, site: Site, free_port: Callable[[], int]
) -> None:
    await use(database, cast.a, provider)
    alice = await browser().sign_in(cast.alice)
    async with provider_at(site, free_port) as other:
        answer = await alice.post(HERE, data=_typed(other, client_secret=""))
        assert answer.status == 400
        assert _wrong(await page_of(answer)) == ["client_secret"]
    stored = await _stored(database, cast)
    assert stored is not None
    assert stored.issuer == provider.url


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"issuer": ""}, ["issuer"]),
        ({"issuer": "https://169.254.169.254"}, ["issuer"]),
        ({"issuer": "ftp://login.example.com"}, ["issuer"]),
        ({"issuer": "https://login.example.com/?x=1"}, ["issuer"]),
        ({"client_id": ""}, ["client_id"]),
        ({"client_secret": ""}, ["client_secret"]),
        ({"domains": ""}, ["domains"]),
        ({"domains": "acacia"}, ["domains"]),
        ({"domains": "acacia.example, <b>"}, ["domains"]),
        ({"domains": ", ".join(f"a{number}.example" for number in range(21))}, ["domains"]),
        ({"role_claim": "groups"}, ["role_claim"]),
        ({"role_claim": "groups", "value_agent": "x" * 201}, ["role_claim"]),
    ],
)
async def test_what_cannot_be_is_not_stored(
    cast: Cast,
    browser: Browsers,
    database: Database,
    provider: Identity,
    changes: dict[str, str],
    wrong: list[str],
) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post(HERE, data=_typed(provider, **changes))
    assert answer.status == 400
    assert _wrong(await page_of(answer)) == wrong
    assert await _stored(database, cast) is None


async def test_a_provider_that_does_not_answer_is_not_stored(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    alice = await browser().sign_in(cast.alice)
    provider.server.faults.status = 503
    assert (await alice.post(HERE, data=_typed(provider))).status == 400
    provider.server.faults.status = 200
    provider.server.faults.discovery = {"issuer": "https://login.evil.example"}
    assert (await alice.post(HERE, data=_typed(provider))).status == 400
    assert await _stored(database, cast) is None


async def test_an_owner_with_a_second_factor_is_asked_for_it(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    alice = await browser().sign_in(cast.alice)
    app, _ = await enrolled(database, cast.alice)
    for sent in ({}, {"code": app.wrong()}):
        answer = await alice.post(HERE, data=_typed(provider, **sent))
        assert answer.status == 400
        assert await _stored(database, cast) is None
    assert (await alice.post(HERE, data=_typed(provider, code=app.code()))).status == 303
    assert (await alice.post(f"{HERE}/remove")).status == 400
    assert await _stored(database, cast) is not None
    assert (await alice.post(f"{HERE}/remove", data={"code": app.code()})).status == 303
    assert await _stored(database, cast) is None


async def test_it_is_removed(cast: Cast, browser: Browsers, database: Database, provider: Identity) -> None:
    await use(database, cast.a, provider, is_enforced=True)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"{HERE}/remove")).status == 303
    assert (await browser().get(f"/sso/{cast.a.id}")).status == 404
    await browser().sign_in_by_link(cast.bob)
    assert await recorded(database, cast.a, "single_sign_on.removed") == [{"provider": "127.0.0.1"}]


async def test_only_owners(cast: Cast, browser: Browsers, database: Database, provider: Identity) -> None:
    async with database.begin() as session:
        ada = await Members(session, cast.a.id).add(email="ada@acacia.example", name="Ada Abbott", role="admin")
    for member in (ada, cast.sam, cast.bob):
        other = await browser().sign_in(member)
        assert (await other.get(HERE)).status == 403
        assert (await other.post(HERE, data=_typed(provider))).status == 403
        assert (await other.post(f"{HERE}/remove")).status == 403
    assert await _stored(database, cast) is None
