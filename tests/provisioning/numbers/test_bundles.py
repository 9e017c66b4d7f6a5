"""An organisation's bundle is filed, followed and approved, or rejected with reasons; orders wait for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest_asyncio

from db.engine import Database
from db.models import Bundle, Organisation
from db.queries import bundles
from provisioning.jobs import TryAgain
from provisioning.numbers import bundles as regulatory
from provisioning.twilio import bundles_api
from provisioning.twilio.bundles_api import BundlesApi
from sandbox.twilio.emulator import RestFault
from tests.kit.vendors.twilio_account import account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import Shop, shop

MAIL = "ops@bilby.example"


@dataclass(slots=True)
class Office:
    """Where bundles are filed, and numbers are ordered without the platform's own bundle."""

    shop: Shop
    api: BundlesApi

    async def begin(self, organisation: Organisation) -> Bundle:
        async with self.shop.database.begin() as session:
            return await regulatory.begin(session, organisation.id)

    async def follow(self, bundle: Bundle) -> timedelta | None:
        try:
            job = regulatory.jobs(self.api, MAIL)[regulatory.FOLLOW]
            await job(self.shop.database, {"bundle": str(bundle.id)})
        except TryAgain as again:
            return again.after
        return None

    async def look(self, bundle: Bundle) -> Bundle:
        async with self.shop.database.begin() as session:
            found = await bundles.find(session, bundle.id)
        assert found is not None
        return found


@pytest_asyncio.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with (
        account(twilio_bundle_sid="", twilio_address_sid="") as place,
        shop(place, database) as opened,
        bundles_api.opened(place.settings) as api,
    ):
        yield Office(opened, api)


async def _known(database: Database, organisation: Organisation, **details: str) -> Organisation:
    """The organisation with everything that Australia asks for."""
    known = {"legal_name": "Acacia Clinic Pty Ltd", "abn": "51824753556", "street": "1 George St"}
    async with database.begin() as session:
        changed = await session.merge(organisation)
        for name, value in {**known, "locality": "Sydney", "region": "NSW", "postcode": "2000", **details}.items():
            setattr(changed, name, value)
    return changed


async def test_a_bundle_is_filed_followed_and_used(office: Office, cast: Cast) -> None:
    organisation = await _known(office.shop.database, cast.a)
    order = await office.shop.paid(organisation.id)
    assert await office.shop.work(order) == timedelta(hours=1)  # not before they are approved
    bundle = await office.begin(organisation)
    assert await office.follow(bundle) == regulatory.AT_FIRST
    filed = await office.look(bundle)
    assert filed.status == "pending-review"
    assert await office.follow(bundle) == regulatory.AT_FIRST
    assert filed.bundle_sid
    office.shop.account.registry.decide(filed.bundle_sid, "twilio-approved")
    assert await office.follow(bundle) is None
    async with office.shop.database.begin() as session:
        assert await bundles.approved(session, organisation.id) == (filed.bundle_sid, filed.address_sid)
    assert await office.shop.jobs() == ["follow_bundle", "provision_number"]  # nobody needs to ask again
    assert await office.shop.work(order) is None
    (number,) = office.shop.account.numbers.values()
    assert (number.bundle_sid, number.address_sid) == (filed.bundle_sid, filed.address_sid)


async def test_a_rejection_is_told_and_mended(office: Office, cast: Cast) -> None:
    organisation = await _known(office.shop.database, cast.a)
    bundle = await office.begin(organisation)
    await office.follow(bundle)
    filed = await office.look(bundle)
    assert filed.bundle_sid
    office.shop.account.registry.decide(filed.bundle_sid, "twilio-rejected", "The ABN is another business's.")
    assert await office.follow(bundle) is None
    rejected = await office.look(bundle)
    assert (rejected.status, regulatory.reasons_of(rejected)) == (
        "twilio-rejected",
        ["The ABN is another business's."],
    )
    await _known(office.shop.database, organisation, abn="83914571673")
    again = await office.begin(organisation)
    assert again.id == bundle.id
    assert await office.follow(again) == regulatory.AT_FIRST
    resubmitted = await office.look(bundle)
    assert (resubmitted.status, resubmitted.bundle_sid) == ("pending-review", filed.bundle_sid)
    assert regulatory.reasons_of(resubmitted) == []


async def test_an_address_that_is_none_is_a_reason(office: Office, cast: Cast) -> None:
    organisation = await _known(office.shop.database, cast.a, postcode="12")
    bundle = await office.begin(organisation)
    assert await office.follow(bundle) is None
    looked_at = await office.look(bundle)
    assert (looked_at.status, len(regulatory.reasons_of(looked_at))) == ("twilio-rejected", 1)


async def test_an_outage_is_sat_out(office: Office, cast: Cast) -> None:
    organisation = await _known(office.shop.database, cast.a)
    bundle = await office.begin(organisation)
    office.shop.account.registry.faults.append(RestFault("POST", "/Bundles$", "answer lost"))
    assert await office.follow(bundle) is not None
    assert await office.follow(bundle) == regulatory.AT_FIRST
    assert (await office.look(bundle)).status == "pending-review"
    named = [row["friendly_name"] for row in office.shop.account.registry.bundles.values()]
    assert named == ["platform", f"bilby:{organisation.id}"]


async def test_a_key_that_twilio_refuses_is_the_operators_and_rejects_nobody(office: Office, cast: Cast) -> None:
    bundle = await office.begin(await _known(office.shop.database, cast.a))
    office.shop.account.registry.faults.append(RestFault("*", "/Addresses", status=401, code=20003, times=9))
    assert await office.follow(bundle) is not None
    assert (await office.look(bundle)).status == "draft"


async def test_an_approved_bundle_is_not_filed_again(office: Office, cast: Cast) -> None:
    organisation = await _known(office.shop.database, cast.a)
    bundle = await office.begin(organisation)
    await office.follow(bundle)
    filed = await office.look(bundle)
    assert filed.bundle_sid
    office.shop.account.registry.decide(filed.bundle_sid, "twilio-approved")
    await office.follow(bundle)
    await office.begin(organisation)
    assert await office.follow(bundle) is None
    assert (await office.look(bundle)).status == "twilio-approved"
