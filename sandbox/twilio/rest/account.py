"""The account's fixed resources: itself, its numbers, its TwiML App. Read only; buying is another file's."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import API_VERSION
from sandbox.twilio.rest.framework import ACCOUNT, not_found, page
from sandbox.twilio.settings import Number

routes = web.RouteTableDef()
_CREATED = format_datetime(datetime(2026, 1, 1, tzinfo=UTC))
_SUBRESOURCES = {"calls": "Calls", "incoming_phone_numbers": "IncomingPhoneNumbers", "applications": "Applications"}


@routes.get(f"{ACCOUNT}.json")
async def fetch_account(request: web.Request) -> web.Response:
    """Return the account, which a preflight asks for to try its credentials."""
    settings = request.app[EXCHANGE].settings
    uri = _uri(settings.account_sid)
    account = {
        "sid": settings.account_sid,
        "owner_account_sid": settings.account_sid,
        "auth_token": settings.auth_token,
        "friendly_name": "Sandbox",
        "status": "active",
        "type": "Full",
        "date_created": _CREATED,
        "date_updated": _CREATED,
        "subresource_uris": {name: f"{uri}/{path}.json" for name, path in _SUBRESOURCES.items()},
        "uri": f"{uri}.json",
    }
    return web.json_response(account)


@routes.get(f"{ACCOUNT}/IncomingPhoneNumbers.json")
async def list_numbers(request: web.Request) -> web.Response:
    """Return the numbers, by PhoneNumber (a part of it is enough) and FriendlyName (all of it)."""
    exchange, query = request.app[EXCHANGE], request.query
    found = [
        number_json(exchange, number)
        for number in exchange.numbers.values()
        if query.get("PhoneNumber", "").strip("*%") in number.phone_number
        and query.get("FriendlyName", _name(number)) == _name(number)
    ]
    return page(request, "incoming_phone_numbers", found)


@routes.get(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json")
async def fetch_number(request: web.Request) -> web.Response:
    """Return one number."""
    exchange = request.app[EXCHANGE]
    return web.json_response(number_json(exchange, find_number(exchange, request)))


@routes.get(f"{ACCOUNT}/Applications/{{sid}}.json")
async def fetch_application(request: web.Request) -> web.Response:
    """Return the TwiML App that softphones call through."""
    exchange = request.app[EXCHANGE]
    if request.match_info["sid"] != exchange.settings.twiml_app_sid:
        raise not_found(request)
    return web.json_response(_application_json(exchange))


def find_number(exchange: Exchange, request: web.Request) -> Number:
    """Return the number whose sid stands in the path. Raise 20404."""
    for number in exchange.numbers.values():
        if number.sid == request.match_info["sid"]:
            return number
    raise not_found(request)


def number_json(exchange: Exchange, number: Number) -> dict[str, Any]:
    """Return an IncomingPhoneNumber as REST shows it."""
    account = exchange.settings.account_sid
    return {
        "sid": number.sid,
        "account_sid": account,
        "phone_number": number.phone_number,
        "friendly_name": _name(number),
        "voice_url": number.voice_url,
        "voice_method": number.voice_method,
        "voice_fallback_url": number.voice_fallback_url,
        "voice_fallback_method": number.voice_fallback_method,
        "status_callback": number.status_callback,
        "status_callback_method": number.status_callback_method,
        "bundle_sid": number.bundle_sid,
        "address_sid": number.address_sid,
        "uri": f"{_uri(account)}/IncomingPhoneNumbers/{number.sid}.json",
    } | _NUMBER_CONSTANTS


_NUMBER_CONSTANTS: dict[str, Any] = {
    "address_requirements": "local",
    "api_version": API_VERSION,
    "beta": False,
    "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
    "date_created": _CREATED,
    "date_updated": _CREATED,
    "emergency_address_sid": None,
    "emergency_address_status": "unregistered",
    "emergency_status": "Inactive",
    "identity_sid": None,
    "origin": "twilio",
    "sms_application_sid": "",
    "sms_fallback_method": "POST",
    "sms_fallback_url": "",
    "sms_method": "POST",
    "sms_url": "",
    "status": "in-use",
    "trunk_sid": None,
    "type": "local",
    "voice_application_sid": "",
    "voice_caller_id_lookup": False,
    "voice_receive_mode": "voice",
}


def _application_json(exchange: Exchange) -> dict[str, Any]:
    settings = exchange.settings
    return {
        "sid": settings.twiml_app_sid,
        "account_sid": settings.account_sid,
        "api_version": API_VERSION,
        "friendly_name": "Softphone",
        "date_created": _CREATED,
        "date_updated": _CREATED,
        "voice_url": exchange.app_voice_url,
        "voice_method": "POST",
        "voice_fallback_url": "",
        "voice_fallback_method": "POST",
        "voice_caller_id_lookup": False,
        "status_callback": settings.twiml_app_status_callback,
        "status_callback_method": "POST",
        "message_status_callback": "",
        "sms_url": "",
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "sms_status_callback": "",
        "public_application_connect_enabled": False,
        "uri": f"{_uri(settings.account_sid)}/Applications/{settings.twiml_app_sid}.json",
    }


def _name(number: Number) -> str:
    return number.friendly_name or number.phone_number


def _uri(account: str) -> str:
    return f"/{API_VERSION}/Accounts/{account}"
