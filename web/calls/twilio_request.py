"""Prove that a request comes from Twilio before anything in it is believed.

Twilio signs the URL as it was configured and the form that it posts (base64 of HMAC-SHA1 under the account's
Auth Token of the region that processes the call). Only forms are accepted: a JSON body stands outside the
signature unless the URL carries its hash. The URL is rebuilt from ``WEB_PUBLIC_URL``, never from the ``Host``
header or a proxy's, which an attacker may write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from multidict import MultiDict
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator

from web.config import SETTINGS
from web.request.access import SIGNED_BY_TWILIO
from web.request.errors import ForbiddenError, TooLargeError, WrongTypeError
from web.request.forms import FORM, read_body

LARGEST_FORM = 64 * 1024  # bytes; Twilio's longest is a few kB
MOST_FIELDS = 200  # Twilio sends some forty, and says that the set will grow
READ_SECONDS = 5.0
_CALL_SID = re.compile("CA[0-9a-fA-F]{32}")


def is_signed(tokens: Iterable[str], url: str, form: MultiDict[str], signature: str | None) -> bool:
    """Return whether ``signature`` is that of ``url`` and ``form`` under one of ``tokens``.

    Several tokens are good at once while they are rotated. Never raises: twilio's validator does, for a
    missing signature (TypeError) and for a URL with a broken port (ValueError).
    """
    if not signature or not signature.isascii():  # base64; aiohttp leaves bytes that are no text as surrogates
        return False
    try:
        return any(RequestValidator(token).validate(url, form, signature) for token in tokens)
    except ValueError:
        return False


async def twilio_form(request: web.Request) -> MultiDict[str]:
    """Return the form of ``request``, which our Twilio account signed; it opens `access.by_number` and its like.

    Raise as `verified_form` does.
    """
    settings = request.app[SETTINGS]
    form = await verified_form(
        request,
        origin=settings.web_public_url,
        tokens=[token.get_secret_value() for token in settings.twilio_auth_tokens],
        account=settings.twilio_account_sid,
    )
    request[SIGNED_BY_TWILIO] = True
    call = form.get("ParentCallSid") or form.get("CallSid") or ""
    if _CALL_SID.fullmatch(call):
        structlog.contextvars.bind_contextvars(
            call=call
        )  # on every line of this request: `web.serving.middlewares.note` ends it
    return form


async def verified_form(request: web.Request, *, origin: str, tokens: Iterable[str], account: str) -> MultiDict[str]:
    """Return the form of a request that Twilio signed for ``account``.

    Raise `WrongTypeError` for a body that is no form, `ForbiddenError` for everything that is not signed by
    ``account``'s Twilio, and as `read_body` does.
    """
    if request.content_type != FORM:
        raise WrongTypeError("Send a form.")
    form = _parse(await read_body(request, seconds=READ_SECONDS, largest=LARGEST_FORM))
    url = origin.rstrip("/") + request.raw_path
    if not is_signed(tokens, url, form, request.headers.get(SIGNATURE_HEADER)):
        raise ForbiddenError("Not signed by Twilio.")
    if form.get("AccountSid") != account:
        raise ForbiddenError("Another account.")
    return form


def _parse(body: bytes) -> MultiDict[str]:
    """Return the fields of a form. Bytes that are no UTF-8 are replaced, and so fail the signature."""
    text = body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:
        raise TooLargeError from None
    return MultiDict(pairs)
