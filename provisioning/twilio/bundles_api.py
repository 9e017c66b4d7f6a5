"""Regulatory bundles for Australian numbers, as Twilio files them: an address, a bundle and its items.

Everything is found again by its name, ``bilby:<organisation>``, or by being in the bundle, so that filing twice
files once; what a crash leaves beside that costs nothing. Twilio keeps bundles in the United States only: this is
the one thing about an organisation that goes there (`TwilioSettings.twilio_numbers_base`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from twilio.base.exceptions import TwilioRestException

from provisioning.twilio.numbers_api import at_base, translate_errors
from provisioning.twilio.settings import TwilioSettings

COUNTRY, KIND, OWNER = "AU", "local", "business"


@dataclass(frozen=True, slots=True)
class Details:
    """What Australia requires of a business: its name and street address (no PO box)."""

    legal_name: str
    abn: str
    street: str
    city: str
    region: str
    postal_code: str
    email: str
    """Where Twilio sends what it has to say about the bundle."""


class BundlesApi:
    """An account's regulatory bundles. Open one with `opened`. Everything raises `TwilioError`."""

    def __init__(self, purchase: Any, numbers: Any) -> None:
        self._purchase = purchase
        self._regulatory = numbers.v2.regulatory_compliance

    async def reach(self) -> None:
        """Read one bundle, to learn whether bundles can be filed at all."""
        with translate_errors():
            await self._regulatory.bundles.list_async(limit=1, page_size=1)

    async def address(self, name: str, details: Details) -> str:
        """Return the sid of the address called ``name``, with the present ``details``."""
        fields = {
            "customer_name": details.legal_name,
            "street": details.street,
            "city": details.city,
            "region": details.region,
            "postal_code": details.postal_code,
        }
        with translate_errors():
            found = await self._purchase.addresses.list_async(friendly_name=name, limit=1)
            if found:
                return str((await found[0].update_async(**fields)).sid)
            made = await self._purchase.addresses.create_async(iso_country=COUNTRY, friendly_name=name, **fields)
        return str(made.sid)

    async def bundle(self, name: str, email: str) -> tuple[str, str]:
        """Return sid and status of the bundle called ``name``; create a draft if there is none."""
        with translate_errors():
            found = await self._regulatory.bundles.list_async(friendly_name=name, limit=1)
            bundle = found[0] if found else await self._draft(name, email)
        return str(bundle.sid), str(bundle.status)

    async def status(self, bundle: str) -> str:
        """Return the bundle's status, in Twilio's words."""
        with translate_errors():
            return str((await self._regulatory.bundles(bundle).fetch_async()).status)

    async def fill(self, bundle: str, name: str, address: str, details: Details) -> str:
        """Put ``details`` into the bundle, instead of what was in it; return the end user's sid."""
        with translate_errors():
            for item in await self._regulatory.bundles(bundle).item_assignments.list_async():
                await item.delete_async()
            business = {"business_name": details.legal_name, "business_registration_number": details.abn}
            owner = await self._regulatory.end_users.create_async(
                friendly_name=name, type=OWNER, attributes=json.dumps(business)
            )
            proof = await self._regulatory.supporting_documents.create_async(
                friendly_name=name, type="address", attributes=json.dumps({"address_sids": address})
            )
            for sid in (owner.sid, proof.sid):
                await self._regulatory.bundles(bundle).item_assignments.create_async(object_sid=sid)
        return str(owner.sid)

    async def lacking(self, bundle: str) -> Sequence[str]:
        """Return what the bundle lacks by Twilio's rules, one sentence each; empty if it may be submitted."""
        with translate_errors():
            evaluation = await self._regulatory.bundles(bundle).evaluations.create_async()
        return _reasons(evaluation.results)

    async def submit(self, bundle: str) -> str:
        """Submit the bundle for review by Twilio's people; return its status then."""
        with translate_errors():
            return str((await self._regulatory.bundles(bundle).update_async(status="pending-review")).status)

    async def objections(self, bundle: str) -> Sequence[str]:
        """Return why Twilio rejected the bundle, one sentence each, as far as it says."""
        with translate_errors():
            items = await self._regulatory.bundles(bundle).item_assignments.list_async()
            proofs = [item.object_sid for item in items if item.object_sid.startswith("RD")]
            found = [await self._regulatory.supporting_documents(sid).fetch_async() for sid in proofs]
        return [proof.failure_reason for proof in found if proof.failure_reason]

    async def forget(self, name: str) -> None:
        """Delete all that is called ``name``: bundles, what was in them, addresses. Repeatable, and none is no error.

        Twilio refuses while it looks at a bundle, and while a number needs one.
        """
        with translate_errors():
            for bundle in await self._regulatory.bundles.list_async(friendly_name=name):
                await _delete(bundle)
            # These have no filter; all are read, so that those of an earlier filing go as well.
            for listed in (self._regulatory.end_users, self._regulatory.supporting_documents):
                for each in await listed.list_async():
                    if each.friendly_name == name:
                        await _delete(each)
            for address in await self._purchase.addresses.list_async(friendly_name=name):
                await _delete(address)

    async def _draft(self, name: str, email: str) -> Any:
        return await self._regulatory.bundles.create_async(
            friendly_name=name, email=email, iso_country=COUNTRY, number_type=KIND, end_user_type=OWNER
        )


async def _delete(one: Any) -> None:
    """Delete something at Twilio; an earlier request of ours may have done so, and its answer was lost."""
    try:
        await one.delete_async()
    except TwilioRestException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def _reasons(results: Any) -> list[str]:
    failed = [each for each in results or [] if not each.get("passed")]
    fields = [field for each in failed for field in each.get("invalid") or [each]]
    return list(dict.fromkeys(field["failure_reason"] for field in fields if field.get("failure_reason")))


@asynccontextmanager
async def opened(settings: TwilioSettings) -> AsyncIterator[BundlesApi]:
    """Open the bundles of the account of ``settings``. Enter it inside the running loop."""
    async with AsyncExitStack() as stack:
        bases = (settings.purchase_base, settings.numbers_base)
        purchase, numbers = [await stack.enter_async_context(at_base(settings, base)) for base in bases]
        yield BundlesApi(purchase, numbers.numbers)
