"""REST of the account's addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.phone.leg import API_VERSION
from sandbox.twilio.rest.framework import ACCOUNT, RestError, form, not_found, page
from sandbox.twilio.rest.registry import REGISTRY, fresh_sid

routes = web.RouteTableDef()
_FIELDS = {
    "CustomerName": "customer_name",
    "Street": "street",
    "StreetSecondary": "street_secondary",
    "City": "city",
    "Region": "region",
    "PostalCode": "postal_code",
    "IsoCountry": "iso_country",
    "FriendlyName": "friendly_name",
}
_NEEDED = ("CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry")


@routes.post(f"{ACCOUNT}/Addresses.json")
async def create(request: web.Request) -> web.Response:
    """Create an address. A postcode of Australia has four digits; 21629 says the address cannot be found."""
    fields = await form(request)
    for name in _NEEDED:
        if not fields.get(name):
            raise RestError(400, 21601, f"{name} is required.")
    if fields["IsoCountry"] == "AU" and not (fields["PostalCode"].isdecimal() and len(fields["PostalCode"]) == 4):
        raise RestError(400, 21629, "Address Validation Error: the address could not be validated.")
    account, at = request.app[EXCHANGE].settings.account_sid, format_datetime(datetime.now(UTC))
    sid = fresh_sid("AD")
    row: dict[str, Any] = {
        "sid": sid,
        "account_sid": account,
        "date_created": at,
        "date_updated": at,
        "emergency_enabled": False,
        "validated": True,
        "verified": False,
        "uri": f"/{API_VERSION}/Accounts/{account}/Addresses/{sid}.json",
    }
    request.app[REGISTRY].addresses[sid] = row | {key: fields.get(name) for name, key in _FIELDS.items()}
    return web.json_response(request.app[REGISTRY].addresses[sid], status=201)


@routes.get(f"{ACCOUNT}/Addresses.json")
async def list_addresses(request: web.Request) -> web.Response:
    """Return the addresses, by CustomerName, FriendlyName and IsoCountry."""
    asked = {_FIELDS[name]: value for name, value in request.query.items() if name in _FIELDS}
    rows = request.app[REGISTRY].addresses.values()
    return page(request, "addresses", [row for row in rows if all(row.get(key) == asked[key] for key in asked)])


@routes.get(f"{ACCOUNT}/Addresses/{{sid}}.json")
async def fetch(request: web.Request) -> web.Response:
    """Return one address."""
    return web.json_response(_address(request))


@routes.post(f"{ACCOUNT}/Addresses/{{sid}}.json")
async def update(request: web.Request) -> web.Response:
    """Change the given fields only."""
    row, fields = _address(request), await form(request)
    row |= {_FIELDS[name]: value for name, value in fields.items() if name in _FIELDS and name != "IsoCountry"}
    row["date_updated"] = format_datetime(datetime.now(UTC))
    return web.json_response(row)


@routes.delete(f"{ACCOUNT}/Addresses/{{sid}}.json")
async def delete(request: web.Request) -> web.Response:
    """Delete an address; refuse while a number depends on it, or a document of a bundle names it.

    Twilio does not say with which code: whoever asks has to go by the status.
    """
    row, registry = _address(request), request.app[REGISTRY]
    named = {item["attributes"].get("address_sids") for item in registry.documents.values()}
    if row["sid"] in named | {number.address_sid for number in request.app[EXCHANGE].numbers.values()}:
        raise RestError(400, 20001, "The address is in use and cannot be deleted.")
    del registry.addresses[row["sid"]]
    return web.Response(status=204)


def _address(request: web.Request) -> dict[str, Any]:
    row = request.app[REGISTRY].addresses.get(request.match_info["sid"])
    if row is None:
        raise not_found(request)
    return row
