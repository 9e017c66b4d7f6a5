"""Twilio's REST resources for numbers, in types of our own; the only module that knows them.

Every failure is raised as `TwilioError`, with a sentence and whether a retry helps. Two traps are avoided: a list by
number or name may match in part, so what is listed is compared again; and buying a number that the account has
already is answered like a purchase, so look before you buy (`provisioning.numbers.purchase` does).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from provisioning.twilio.client import REGION, SECONDS, BusyError, connected
from provisioning.twilio.errors import Remedy, failure_of
from provisioning.twilio.settings import TwilioSettings

TAG = "bilby:"
FREE = f"{TAG}free"
"""The FriendlyName of a free number: reused before another is bought. No other tag marks a free one."""
_COUNTRY = "AU"
_NOT_FOUND, _BAD_GATEWAY = 404, 502
_MOST_NUMBERS = 10_000  # listed of one account


class TwilioError(Exception):
    """Twilio refused, or did not answer. ``code`` is Twilio's, if it gave one; ``retry_after`` is in seconds.

    ``text``, Twilio's own, is looked at and not kept: it may hold a phone number.
    """

    def __init__(
        self, code: int | None, status: int | None, retry_after: float | None = None, text: str = ""
    ) -> None:
        found = failure_of(code, status, text)
        super().__init__(found.sentence)
        self.code = code if code is not None else status
        self.status = status
        self.sentence = found.sentence
        self.remedy: Remedy = found.remedy
        self.retry_after = retry_after

    @property
    def cause(self) -> str:
        """What a log says of it: numbers alone."""
        return "no answer" if self.status is None else f"HTTP {self.status}, code {self.code}"

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later, once Twilio or the operator has repaired something."""
        return self.remedy in ("again", "operator")


@dataclass(frozen=True, slots=True)
class NumberSearch:
    """The wanted number; empty fields match any. ``pattern`` may hold ``*``, one digit each."""

    locality: str = ""
    prefix: str = ""
    pattern: str = ""

    @property
    def contains(self) -> str:
        """The pattern for Twilio's search. ``prefix`` may be as people write it: ``02 5550``, ``+61 2``."""
        digits = "".join(each for each in self.prefix if each.isdecimal())
        if digits:
            return "+" + (digits if digits.startswith("61") else f"61{digits.removeprefix('0')}")
        wanted = "".join(each for each in self.pattern if each.isdecimal() or each == "*")
        return wanted if len(wanted.replace("*", "")) >= 2 else "+61"


@dataclass(frozen=True, slots=True)
class Offer:
    """A number for sale."""

    e164: str
    locality: str
    region: str


@dataclass(frozen=True, slots=True)
class Owned:
    """A number of the account."""

    sid: str
    e164: str
    tag: str
    """Its FriendlyName: ``bilby:<order>``, `FREE`, or anybody's words."""
    voice_url: str
    voice_method: str
    voice_fallback_url: str
    voice_fallback_method: str
    voice_application_sid: str
    status_callback: str
    status_callback_method: str


class TwilioApi:
    """An account. Open one with `opened`."""

    def __init__(self, voice: Any, purchase: Any, routes: Any) -> None:
        self._voice = voice
        self._purchase = purchase
        self._routes = routes

    async def reach(self) -> None:
        """Read one number, to learn whether the key is good. Raise `TwilioError`."""
        with translate_errors():
            await self._voice.incoming_phone_numbers.list_async(limit=1, page_size=1)

    async def search(self, search: NumberSearch, limit: int = 20) -> list[Offer]:
        """Return numbers for sale, possibly none. Raise `TwilioError`."""
        place = {"in_locality": search.locality} if search.locality else {}
        with translate_errors():
            found = await self._purchase.available_phone_numbers(_COUNTRY).local.list_async(
                contains=search.contains, voice_enabled=True, limit=limit, page_size=limit, **place
            )
        return [Offer(each.phone_number, each.locality or "", each.region or "") for each in found]

    async def owned(self, e164: str) -> Owned | None:
        """Return the number ``e164``; None if the account does not have it. Raise `TwilioError`."""
        return next((each for each in await self._list(phone_number=e164) if each.e164 == e164), None)

    async def tagged(self, tag: str) -> list[Owned]:
        """Return the numbers tagged ``tag``. Raise `TwilioError`."""
        return [each for each in await self._list(friendly_name=tag) if each.tag == tag]

    async def everything(self) -> list[Owned]:
        """Return every number of the account. Raise `TwilioError`."""
        return await self._list()

    async def fetch(self, sid: str) -> Owned | None:
        """Return the number of that sid; None if the account does not have it. Raise `TwilioError`."""
        try:
            with translate_errors():
                return _owned(await self._voice.incoming_phone_numbers(sid).fetch_async())
        except TwilioError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def buy(self, e164: str, tag: str, bundle: str, address: str) -> Owned:
        """Buy ``e164``. Look first: a number that is ours already is changed by this. Raise `TwilioError`."""
        regulatory = {"bundle_sid": bundle, "address_sid": address}
        with translate_errors():
            return _owned(
                await self._purchase.incoming_phone_numbers.create_async(
                    phone_number=e164, friendly_name=tag, **{name: sid for name, sid in regulatory.items() if sid}
                )
            )

    async def change(self, sid: str, **values: str) -> Owned:
        """Set ``friendly_name``, ``voice_url`` … of a number. Raise `TwilioError`."""
        with translate_errors():
            return _owned(await self._voice.incoming_phone_numbers(sid).update_async(**values))

    async def give_back(self, sid: str) -> None:
        """Return a number to Twilio; for good. One that is gone already is fine. Raise `TwilioError`."""
        try:
            with translate_errors():
                await self._purchase.incoming_phone_numbers(sid).delete_async()
        except TwilioError as error:
            if error.status != _NOT_FOUND:
                raise

    async def region(self, e164: str) -> str:
        """Return the Region that processes the number's calls; us1 if it has no route. Raise `TwilioError`."""
        try:
            with translate_errors():
                route = await self._routes.v2.phone_numbers(e164).fetch_async()
        except TwilioError as error:
            if error.status == _NOT_FOUND:
                return "us1"
            raise
        return str(route.voice_region or "us1")

    async def route(self, e164: str) -> None:
        """Have the number's calls processed in Australia; takes effect within 5 minutes. Raise `TwilioError`."""
        with translate_errors():
            await self._routes.v2.phone_numbers(e164).update_async(voice_region=REGION)

    async def _list(self, **wanted: str) -> list[Owned]:
        with translate_errors():
            found = await self._voice.incoming_phone_numbers.list_async(
                **wanted, limit=_MOST_NUMBERS, page_size=1000 if not wanted else 50
            )
            return [_owned(each) for each in found]


@asynccontextmanager
async def opened(settings: TwilioSettings, *, seconds: float = SECONDS) -> AsyncIterator[TwilioApi]:
    """Open the account of ``settings``; a request takes ``seconds`` at most. Enter it inside the running loop."""
    async with AsyncExitStack() as stack:
        bases = (settings.twilio_api_base, settings.purchase_base, settings.routes_base)
        clients = [at_base(settings, base, seconds=seconds) for base in bases]
        voice, purchase, routes = [await stack.enter_async_context(client) for client in clients]
        yield TwilioApi(voice, purchase, routes.routes)


@asynccontextmanager
async def at_base(settings: TwilioSettings, base: str, *, seconds: float = SECONDS) -> AsyncIterator[Client]:
    """Open the account of ``settings`` at one of its hosts, with the key that is valid there."""
    key, secret = settings.key_for(base)
    account = settings.twilio_account_sid
    async with connected(account=account, key=key, secret=secret, base=base, seconds=seconds) as client:
        yield client


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn whatever goes wrong in a request into `TwilioError`, and forget it: its text may hold a phone number."""
    try:
        yield
    except BusyError as error:
        raise TwilioError(error.code, error.status, error.retry_after) from None
    except (TwilioRestException, TwilioServiceException) as error:
        raise TwilioError(error.code, error.status, text=str(getattr(error, "msg", ""))) from None
    except TwilioException as error:
        raise _of_list(error) from None
    except (TimeoutError, aiohttp.ClientError, OSError):
        raise TwilioError(None, None) from None
    except (ValueError, LookupError):  # a success whose body is cut off, or lacks what every answer has
        raise TwilioError(None, _BAD_GATEWAY) from None


def _of_list(error: TwilioException) -> TwilioError:
    """Return what went wrong with a list: the package raises just ``("Unable to fetch page", response)``."""
    response = error.args[1] if len(error.args) > 1 else None
    try:
        said = json.loads(response.text) if response is not None else {}
        code, text = said.get("code"), str(said.get("message", ""))
    except (ValueError, TypeError, AttributeError):  # a proxy's page
        code, text = None, ""
    return TwilioError(code if isinstance(code, int) else None, getattr(response, "status_code", None), text=text)


def _owned(number: Any) -> Owned:
    """Return the number. Raise `ValueError` for an answer without one, which the package lets through."""
    if not number.sid or not number.phone_number:
        raise ValueError("no number")
    return Owned(
        sid=number.sid,
        e164=number.phone_number,
        tag=number.friendly_name or "",
        voice_url=number.voice_url or "",
        voice_method=number.voice_method or "",
        voice_fallback_url=number.voice_fallback_url or "",
        voice_fallback_method=number.voice_fallback_method or "",
        voice_application_sid=number.voice_application_sid or "",
        status_callback=number.status_callback or "",
        status_callback_method=number.status_callback_method or "",
    )
