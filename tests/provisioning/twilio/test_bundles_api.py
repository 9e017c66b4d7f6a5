"""Bundles are filed once however often it is tried, by Twilio's own package, with the emulated one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from provisioning.twilio.bundles_api import BundlesApi, Details, opened
from provisioning.twilio.numbers_api import TwilioError
from sandbox.twilio.emulator import Number, Registry, RestFault
from tests.kit.vendors.twilio_account import ADDRESS, BUNDLE, account

NAME = "bilby:0d2f6c1e"
DETAILS = Details("Acacia Clinic Pty Ltd", "51824753556", "1 George St", "Sydney", "NSW", "2000", "ops@bilby.example")


async def _filed(api: BundlesApi, details: Details = DETAILS) -> tuple[str, str]:
    """Bundle and address."""
    address = await api.address(NAME, details)
    bundle, _ = await api.bundle(NAME, details.email)
    await api.fill(bundle, NAME, address, details)
    return bundle, address


async def test_a_bundle_is_filed_and_submitted() -> None:
    async with account() as place, opened(place.settings) as api:
        bundle, _ = await _filed(api)
        assert await api.lacking(bundle) == []
        assert await api.submit(bundle) == "pending-review"
        place.registry.decide(bundle, "twilio-approved")
        assert await api.status(bundle) == "twilio-approved"


async def test_filing_again_files_nothing_more() -> None:
    async with account() as place, opened(place.settings) as api:
        assert await _filed(api) == await _filed(api, replace(DETAILS, street="2 George St"))
        assert len(place.registry.bundles) == 2  # the platform's, too
        assert place.registry.addresses.popitem()[1]["street"] == "2 George St"
        assert len(place.registry.items) == 2


async def test_what_is_missing_is_named() -> None:
    async with account() as place, opened(place.settings) as api:
        bundle, address = await _filed(api)
        await api.fill(bundle, NAME, address, replace(DETAILS, legal_name=""))
        (lacking,) = await api.lacking(bundle)
        assert "Business Name" in lacking
        bundle, _ = await api.bundle("bilby:another", DETAILS.email)
        assert len(await api.lacking(bundle)) == 2


async def test_a_rejection_says_why() -> None:
    async with account() as place, opened(place.settings) as api:
        bundle, _ = await _filed(api)
        await api.submit(bundle)
        assert await api.objections(bundle) == []
        place.registry.decide(bundle, "twilio-rejected", "The ABN is another business's.")
        assert await api.objections(bundle) == ["The ABN is another business's."]


async def test_the_emulated_people_take_their_time() -> None:
    async with account(registry=Registry(review_seconds=0.01)) as place, opened(place.settings) as api:
        bundle, _ = await _filed(api, replace(DETAILS, legal_name="Reject Me Pty Ltd"))
        await api.submit(bundle)
        async with asyncio.timeout(60):
            while await api.status(bundle) == "pending-review":  # noqa: ASYNC110 (Twilio has to be asked)
                await asyncio.sleep(0.01)
        assert await api.status(bundle) == "twilio-rejected"


async def test_all_that_has_a_name_is_forgotten_and_nothing_else() -> None:
    """Also what an interrupted filing left beside the bundle."""
    async with account() as place, opened(place.settings) as api:
        bundle, address = await _filed(api)
        await api.fill(bundle, NAME, address, replace(DETAILS, legal_name="Acacia Pty Ltd"))
        other, _ = await api.bundle("bilby:another", DETAILS.email)
        registry = place.registry
        assert len(registry.end_users) == len(registry.documents) == 2
        await api.forget(NAME)
        assert {*registry.bundles} == {BUNDLE, other}
        assert (registry.end_users, registry.documents, registry.items) == ({}, {}, {})
        assert {*registry.addresses} == {ADDRESS}
        await api.forget(NAME)


async def test_what_is_looked_at_or_needed_is_not_forgotten() -> None:
    async with account() as place, opened(place.settings) as api:
        bundle, address = await _filed(api)
        await api.submit(bundle)
        with pytest.raises(TwilioError):
            await api.forget(NAME)
        place.registry.decide(bundle, "twilio-approved")
        number = Number("+61255501234", bundle_sid=bundle, address_sid=address)
        place.numbers[number.phone_number] = number
        with pytest.raises(TwilioError) as refused:
            await api.forget(NAME)
        assert refused.value.code == 21648
        assert (len(place.registry.end_users), len(place.registry.documents)) == (1, 1)
        del place.numbers[number.phone_number]
        await api.forget(NAME)
        assert {*place.registry.bundles} == {BUNDLE}


async def test_an_answer_that_was_lost_is_no_error() -> None:
    async with account() as place, opened(place.settings) as api:
        await _filed(api)
        for path in (r"/BU\w+$", r"/IT\w+$", r"/RD\w+$", r"/AD\w+\.json$"):
            place.registry.faults.append(RestFault("DELETE", path, "answer lost"))
            with pytest.raises(TwilioError):
                await api.forget(NAME)
        await api.forget(NAME)
        assert {*place.registry.bundles} == {BUNDLE}
