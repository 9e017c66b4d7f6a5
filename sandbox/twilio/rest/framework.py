"""What all of Twilio's REST files share: Basic auth, errors in Twilio's JSON, forms, pages.

A resource's file offers ``routes``; `twilio.py` adds them. Endpoints raise `RestError` and nothing else; whatever
lies under a path of Twilio's (`PREFIXES`) is answered in Twilio's shape, even when there is nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import API_VERSION

PREFIXES = (f"/{API_VERSION}/", "/v1/", "/v2/")
PAGE_SIZE = 50
MOST_PAGE_SIZE = 1000
ACCOUNT = f"/{API_VERSION}/Accounts/{{account}}"

US1_PORTS = web.AppKey("us1_ports", set[int])  # filled once they are known
_MAIN_KEYS_ONLY = re.compile(rf"/{API_VERSION}/Accounts(/AC\w+)?(/Keys(/\w+)?)?(\.json)?|/v1/Keys(/.*)?")
_SALES = re.compile("/(AvailablePhoneNumbers|Addresses)\\b")
Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestError(Exception):
    """An error as Twilio answers it: HTTP ``status``, Twilio's ``code`` and its sentence."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code

    def response(self) -> web.Response:
        """Return ``{code, message, more_info, status}``."""
        body = {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return web.json_response(body, status=self.status)


def not_found(request: web.Request) -> RestError:
    """Return the error 20404."""
    return RestError(404, 20404, f"The requested resource {request.path} was not found")


@web.middleware
async def twilio_shape(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Let only the account in, and answer every failure under Twilio's paths as Twilio does."""
    if not request.path.startswith(PREFIXES):
        return await handler(request)
    try:
        _authenticate(request.app[EXCHANGE], request)
        return await handler(request)
    except RestError as error:
        return error.response()
    except web.HTTPNotFound:
        return not_found(request).response()
    except web.HTTPMethodNotAllowed:
        return RestError(405, 20004, "Method not allowed").response()


def region(request: web.Request) -> str:
    """Return the Region whose host was asked: each has a port of its own."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    return "us1" if sockname is not None and sockname[1] in request.app[US1_PORTS] else "au1"


def _authenticate(exchange: Exchange, request: web.Request) -> None:
    """ "Any given Auth Token or API Key is only valid for the Region in which it was created." """
    settings, in_au1 = exchange.settings, region(request) == "au1"
    token = settings.auth_token if in_au1 else settings.us1_auth_token
    key, its_secret = (
        (settings.api_key_sid, settings.api_key_secret)
        if in_au1
        else (settings.us1_api_key_sid, settings.us1_api_key_secret)
    )
    user, secret = _basic(request.headers.get("Authorization", ""))
    known = {settings.account_sid: token, key: its_secret}
    if not secret or not hmac.compare_digest(known.get(user, "\0").encode(), secret.encode()):
        raise RestError(401, 20003, "Authenticate")
    # "Standard: access to all Twilio API resources, except for Accounts (/Accounts) or Keys resources."
    if user == key and settings.key_kind == "standard" and _MAIN_KEYS_ONLY.fullmatch(request.path):
        raise RestError(401, 20003, "Authenticate")
    if in_au1 and not settings.au1_sells and _SALES.search(request.path):
        raise RestError(404, 20404, f"Endpoint is not supported in realm '{settings.region}'")
    if request.match_info.get("account", settings.account_sid) != settings.account_sid:
        raise not_found(request)


def _basic(header: str) -> tuple[str, str]:
    kind, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    user, _, secret = decoded.partition(":")
    return user, secret


async def form(request: web.Request) -> Mapping[str, str]:
    """Return the form's fields; of a repeated one the first. See `repeated`."""
    return {name: value for name, value in reversed(list((await request.post()).items())) if isinstance(value, str)}


async def repeated(request: web.Request, name: str) -> list[str]:
    """Return every value of a field that may come several times."""
    return [value for value in (await request.post()).getall(name, []) if isinstance(value, str)]


def page(request: web.Request, key: str, resources: Sequence[Mapping[str, Any]]) -> web.Response:
    """Return one page of ``resources`` under ``key``, as the API of 2010 cuts and links them."""
    size = _count(request, "PageSize", PAGE_SIZE, 1, MOST_PAGE_SIZE)
    number = _count(request, "Page", 0, 0, 10**6)
    first = number * size
    shown = resources[first : first + size]
    more = first + size < len(resources)
    body = {
        "first_page_uri": _page_uri(request, size, 0),
        "next_page_uri": _page_uri(request, size, number + 1) if more else None,
        "previous_page_uri": _page_uri(request, size, number - 1) if number else None,
        "uri": _page_uri(request, size, number),
        "page": number,
        "page_size": size,
        "start": first,
        "end": first + max(0, len(shown) - 1),
        key: shown,
    }
    return web.json_response(body)


def _page_uri(request: web.Request, size: int, number: int) -> str:
    query = {name: value for name, value in request.query.items() if name not in ("Page", "PageSize", "PageToken")}
    return f"{request.path}?{urlencode(query | {'PageSize': size, 'Page': number})}"


def _count(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise RestError(400, 20001, f"{name} is not a number")
    return min(max(int(text), least), most)
