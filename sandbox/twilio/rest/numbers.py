"""REST of numbers: the search for one to buy, buying, setting up, giving back. AU local ones and no others."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.rest.account import find_number, number_json
from sandbox.twilio.rest.framework import ACCOUNT, PAGE_SIZE, RestError, form, region
from sandbox.twilio.rest.registry import REGISTRY, Registry
from sandbox.twilio.settings import Number

routes = web.RouteTableDef()
_FOUND = 200  # at most, however large the page
_FIELDS = {
    "FriendlyName": "friendly_name",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "BundleSid": "bundle_sid",
    "AddressSid": "address_sid",
}
_LONGEST_NAME = 64


@routes.get(f"{ACCOUNT}/AvailablePhoneNumbers/AU/Local.json")
async def search(request: web.Request) -> web.Response:
    """Return numbers for sale by ``InLocality`` and ``Contains``. One page, as the real one's: there is no next."""
    exchange, query = request.app[EXCHANGE], request.query
    try:
        wanted = pattern(query.get("Contains", "+61"))
    except ValueError as error:
        raise RestError(400, 21421, f"Contains is invalid: {error}") from None
    size = int(query.get("PageSize", PAGE_SIZE)) if query.get("PageSize", "1").isdecimal() else PAGE_SIZE
    for_sale = (
        _for_sale_json(place, e164)
        for place, e164 in _for_sale(query.get("InLocality", ""))
        if wanted.search(e164) and e164 not in exchange.numbers
    )
    found = list(itertools.islice(for_sale, min(size, _FOUND)))
    return web.json_response({"available_phone_numbers": found, "uri": request.path_qs})


@routes.post(f"{ACCOUNT}/IncomingPhoneNumbers.json")
async def buy(request: web.Request) -> web.Response:
    """Buy ``PhoneNumber``. What the account has already is changed, and answered 201 all the same."""
    exchange, registry, fields = request.app[EXCHANGE], request.app[REGISTRY], await form(request)
    if not exchange.settings.au1_sells and region(request) == "au1":
        raise RestError(400, 22401, "The request is not supported in this region.")
    e164 = fields.get("PhoneNumber", "")
    _check(exchange, registry, fields, e164)
    number = _changed(exchange.numbers.get(e164, Number(e164)), fields)
    exchange.numbers[e164] = number
    return web.json_response(number_json(exchange, number), status=201)


@routes.post(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json")
async def set_up(request: web.Request) -> web.Response:
    """Change the given fields only."""
    exchange = request.app[EXCHANGE]
    number = _changed(find_number(exchange, request), await form(request))
    exchange.numbers[number.phone_number] = number
    return web.json_response(number_json(exchange, number))


@routes.delete(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json")
async def give_back(request: web.Request) -> web.Response:
    """Release the number; there is no way back, but to buy it again."""
    exchange = request.app[EXCHANGE]
    number = find_number(exchange, request)
    del exchange.numbers[number.phone_number]
    request.app[REGISTRY].routes.pop(number.phone_number, None)
    return web.Response(status=204)


def _for_sale(locality: str) -> Iterator[tuple[Locality, str]]:
    places = [place for place in LOCALITIES if locality.casefold() in ("", place.name.casefold())]
    in_turn = zip(*map(numbers, places), strict=True)
    return ((place, e164) for row in in_turn for place, e164 in zip(places, row, strict=True))


def _check(exchange: Exchange, registry: Registry, fields: Mapping[str, str], e164: str) -> None:
    if not e164.startswith("+61") or not e164[1:].isdecimal():
        raise RestError(400, 21421, f"The phone number {e164 or '(none)'} is not valid.")
    owned = e164 in exchange.numbers
    gone = e164 in registry.taken or (locality_of(e164) is None and not owned)
    if gone or (owned and registry.owned_again == "refuse"):
        raise RestError(400, 21422, f"{e164} is not available.")
    if registry.regulated and not owned:
        _check_bundle(registry, fields)


def _check_bundle(registry: Registry, fields: Mapping[str, str]) -> None:
    bundle = registry.bundles.get(fields.get("BundleSid", ""))
    if bundle is None or bundle["status"] not in ("twilio-approved", "provisionally-approved"):
        raise RestError(400, 21649, "Bundle required: an approved Bundle of this country and number type is needed.")
    address = registry.addresses.get(fields.get("AddressSid", ""))
    if address is None:
        raise RestError(400, 21631, "Phone Number Requires an Address but the 'AddressSid' parameter was empty.")
    if address["iso_country"] != "AU":
        raise RestError(400, 21615, "Phone Number Requires a Local Address.")


def _changed(number: Number, fields: Mapping[str, str]) -> Number:
    if len(fields.get("FriendlyName", "")) > _LONGEST_NAME:
        raise RestError(400, 21402, f"FriendlyName is longer than {_LONGEST_NAME} characters")
    after = replace(number, **{_FIELDS[name]: value for name, value in fields.items() if name in _FIELDS})
    if after.voice_fallback_url and not after.voice_url:
        raise RestError(400, 21405, "Cannot set VoiceFallbackUrl without setting Url")
    return after


def _for_sale_json(place: Locality, e164: str) -> dict[str, Any]:
    return {
        "friendly_name": f"(0{e164[3]}) {e164[4:8]} {e164[8:]}",
        "phone_number": e164,
        "lata": None,
        "locality": place.name,
        "rate_center": None,
        "latitude": None,
        "longitude": None,
        "region": place.region,
        "postal_code": None,
        "iso_country": "AU",
        "address_requirements": "local",
        "beta": False,
        "capabilities": {"voice": True, "SMS": False, "MMS": False, "fax": False},
    }


STEP = 37  # so that neighbours in the list are not neighbours in the list


@dataclass(frozen=True, slots=True)
class Locality:
    """A place and the first digits of its numbers, in E.164; four more follow."""

    name: str
    region: str
    prefix: str


LOCALITIES = (
    Locality("Sydney", "NSW", "+6125550"),
    Locality("Canberra", "ACT", "+6127010"),
    Locality("Melbourne", "VIC", "+6135550"),
    Locality("Hobart", "TAS", "+6137010"),
    Locality("Brisbane", "QLD", "+6175550"),
    Locality("Gold Coast", "QLD", "+6177010"),
    Locality("Perth", "WA", "+6185550"),
    Locality("Adelaide", "SA", "+6187010"),
)


def numbers(locality: Locality) -> Iterator[str]:
    """Return every number of ``locality``, in an order that is always the same."""
    return (f"{locality.prefix}{n * STEP % 10_000:04d}" for n in range(10_000))


def pattern(contains: str) -> re.Pattern[str]:
    """Return the pattern of ``Contains``: ``*`` one character, ``%`` any, ``+`` and ``$`` the number's ends.

    Raise ValueError for what Twilio refuses: fewer than 2 or more than 16 characters, or a strange one.
    """
    if not re.fullmatch(r"[0-9A-Za-z*%+$]{2,16}", contains) or len(re.sub(r"[*%+$]", "", contains)) < 2:
        raise ValueError("a pattern has 2 to 16 characters, two of them digits, and * % + $")
    wild = {"*": ".", "%": ".*", "+": "^\\+", "$": "$"}
    return re.compile("".join(wild.get(each, re.escape(each)) for each in contains))


def locality_of(e164: str) -> Locality | None:
    """Return where ``e164`` is, if it is one of ours to sell."""
    return next((place for place in LOCALITIES if e164.startswith(place.prefix) and len(e164) == 12), None)
