"""Twilio's own messages, whole and cut off anywhere, through every parser of ours that reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from json import JSONDecodeError
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import MultiDict

from db.call_progress import CallReport, DialReport, LegReport
from provisioning.twilio import bundles_api
from provisioning.twilio.bundles_api import Details
from provisioning.twilio.client import BusyError, client_of
from provisioning.twilio.numbers_api import NumberSearch, Owned, TwilioApi, TwilioError, opened
from provisioning.twilio.settings import TwilioSettings
from web.calls import callback_forms
from web.calls.callback_forms import FormError, StreamReport
from web.calls.twilio_request import is_signed
from web.request.callers import shown

_FOLDER = Path(__file__).parents[2] / "captured" / "twilio"
_FORMS = sorted(path.stem for path in _FOLDER.glob("*.form"))
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_AT = datetime(2026, 11, 3, 1, 2, 3, tzinfo=UTC)
_ENDED = datetime(2022, 8, 22, 11, 56, 46, tzinfo=UTC)
_BEGUN = datetime(2015, 5, 12, 17, 52, 22, tzinfo=UTC)
_CALL, _LEG, _MEMBER = f"CA{'b' * 32}", f"CA{'c' * 32}", UUID("f" * 32)

Form = dict[str, str]


def form(name: str, characters: int | None = None) -> Form:
    """The form of that name, or what of it came before it was cut off."""
    text = (_FOLDER / f"{name}.form").read_text().strip()
    return dict(parse_qsl(text[:characters], keep_blank_values=True))


def read(known: Form) -> dict[str, Any]:
    """Everything that a form may say to us."""
    return {
        "of_leg": callback_forms.is_of_leg(known),
        "call": callback_forms.call_report(known, _NOW),
        "leg": callback_forms.leg_report(known, _NOW),
        "dial": callback_forms.dial_report(known),
        "stream": callback_forms.stream_report(known),
        "from": shown(known.get("From", "")),
        "member": callback_forms.member_id(known.get("From", "")),
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("voice_inbound", {"of_leg": False, "call": CallReport("ringing", _NOW), "from": "0491 570 006"}),
        ("voice_outbound", {"of_leg": False, "member": _MEMBER}),
        ("voice_fallback", {"of_leg": False, "call": CallReport("in-progress", _NOW)}),
        ("voice_whisper", {"of_leg": True, "leg": LegReport("in-progress", _NOW)}),
        ("voice_inbound_forwarded", {"of_leg": False, "call": CallReport("ringing", _NOW), "from": "0491 570 156"}),
        ("voice_inbound_attested", {"of_leg": False, "call": CallReport("ringing", _NOW), "from": "0491 570 156"}),
        ("call_status_completed", {"of_leg": False, "call": CallReport("completed", _ENDED, 28)}),
        ("leg_status_initiated", {"of_leg": True, "leg": LegReport("initiated", _BEGUN), "from": "+1 888-333-1234"}),
        ("dial_action", {"of_leg": False, "dial": DialReport("completed")}),
        ("call_status", {"of_leg": False, "call": CallReport("completed", _AT, 61)}),
        ("leg_status", {"of_leg": True, "leg": LegReport("in-progress", _AT, None, _MEMBER)}),
        ("stream_started", {"stream": StreamReport("transcribing")}),
        ("stream_error", {"stream": StreamReport("failed", "Stream - WebSocket - Handshake Error")}),
    ],
)
def test_a_form_is_understood(name: str, said: dict[str, Any]) -> None:
    known = form(name)
    assert callback_forms.parent_sid(known) == _CALL
    assert callback_forms.call_sid(known) == (_LEG if said.get("of_leg") else _CALL)
    assert {what: read(known)[what] for what in said} == said


def test_every_form_is_tried() -> None:
    assert len(_FORMS) == 13


@pytest.mark.parametrize("name", _FORMS)
def test_a_form_cut_off_anywhere_is_read_or_names_no_call(name: str) -> None:
    twin = dict(parse_qsl((_FOLDER / "truncated" / f"{name}.form").read_text(), keep_blank_values=True))
    for known in (twin, *(form(name, length) for length in range(len((_FOLDER / f"{name}.form").read_text())))):
        read(known)
        with suppress(FormError):
            assert callback_forms.call_sid(known) in (_CALL, _LEG)
        with suppress(FormError):
            assert callback_forms.parent_sid(known) in (_CALL, _LEG)


def test_twilios_own_signatures_are_accepted_and_no_other() -> None:
    example = json.loads((_FOLDER / "signed_example.json").read_text())
    fields = MultiDict(parse_qsl(example["form"]))
    for signature in example["signatures"].values():
        assert is_signed([example["token"]], example["url"], fields, signature)
        assert is_signed(["another", example["token"]], example["url"], fields, signature)
        for cut in range(len(signature)):
            assert not is_signed([example["token"]], example["url"], fields, signature[:cut])
        assert not is_signed([example["token"]], example["url"], fields, "\udcff" * len(signature))


def cuts(name: str) -> Iterator[str]:
    """The truncated twin of the answer of that name, and other beginnings of it."""
    yield (_FOLDER / "truncated" / f"{name}.json").read_text()
    whole = (_FOLDER / f"{name}.json").read_text().strip()
    yield from (whole[:length] for length in range(0, len(whole), 1 + len(whole) // 60))


class Parrot:
    """A Twilio that answers whatever it is given to say. A list of addresses is empty."""

    text = ""
    status = 200

    async def answer(self, request: web.Request) -> web.Response:
        """Say it."""
        if request.method == "GET" and request.path.endswith("/Addresses.json"):
            return web.Response(text=(_FOLDER / "addresses_none.json").read_text(), content_type="application/json")
        return web.Response(text=self.text, status=self.status, content_type="application/json")


@pytest_asyncio.fixture
async def speaking() -> AsyncIterator[tuple[Parrot, TwilioSettings]]:
    """A Twilio that gives prepared answers, and the settings of an account there."""
    parrot, app = Parrot(), web.Application()
    app.router.add_route("*", "/{path:.*}", parrot.answer)
    async with TestServer(app) as server:
        base = str(server.make_url("/")).rstrip("/")
        account = {"twilio_account_sid": f"AC{'a' * 32}", "twilio_api_key_sid": f"SK{'a' * 32}"}
        yield parrot, TwilioSettings.model_validate({"twilio_api_base": base, **account})


@pytest_asyncio.fixture
async def parrot(speaking: tuple[Parrot, TwilioSettings]) -> AsyncIterator[tuple[Parrot, TwilioApi]]:
    """The same, and our client of it."""
    async with opened(speaking[1]) as api:
        yield speaking[0], api


Ask = Callable[[TwilioApi], Awaitable[Any]]


def _is_number(answer: Any) -> bool:
    return isinstance(answer, Owned) and answer.e164.startswith("+1") and answer.sid.startswith("PN")


@pytest.mark.parametrize(
    ("name", "status", "ask", "is_right"),
    [
        ("number_fetched", 200, lambda api: api.fetch("PN1"), _is_number),
        ("number_bought", 201, lambda api: api.buy("+14155552344", "bilby:1", "", ""), _is_number),
        ("numbers_listed", 200, lambda api: api.everything(), lambda found: [*map(_is_number, found)] == [True]),
        ("numbers_none", 200, lambda api: api.everything(), lambda found: found == []),
        (
            "numbers_for_sale",
            200,
            lambda api: api.search(NumberSearch()),
            lambda found: found[0].e164 == "+18089251571",
        ),
        ("route_fetched", 200, lambda api: api.region("+18001234567"), lambda region: region == "au1"),
    ],
)
async def test_an_answer_is_understood_and_a_cut_one_is_tried_again(
    parrot: tuple[Parrot, TwilioApi], name: str, status: int, ask: Ask, is_right: Callable[[Any], bool]
) -> None:
    says, api = parrot
    says.status, says.text = status, (_FOLDER / f"{name}.json").read_text()
    assert is_right(await ask(api))
    for says.text in cuts(name):
        with pytest.raises(TwilioError) as caught:
            await ask(api)
        assert caught.value.remedy == "again"


async def test_an_address_that_was_made_is_understood_and_a_cut_answer_is_tried_again(
    speaking: tuple[Parrot, TwilioSettings],
) -> None:
    parrot, settings = speaking
    details = Details("Alpha Pty Ltd", "51824753556", "1 George St", "Sydney", "NSW", "2000", "a@example.com.au")
    parrot.status, parrot.text = 201, (_FOLDER / "address_made.json").read_text()
    async with bundles_api.opened(
        settings.model_copy(update={"twilio_numbers_base": settings.twilio_api_base})
    ) as api:
        assert await api.address("bilby:1", details) == f"AD{'a' * 32}"
        for parrot.text in cuts("address_made"):
            with pytest.raises(TwilioError) as caught:
                await api.address("bilby:1", details)
            assert caught.value.remedy == "again"


async def test_a_stream_that_was_started_is_understood_and_a_cut_answer_is_an_error(
    speaking: tuple[Parrot, TwilioSettings],
) -> None:
    parrot, settings = speaking
    parrot.status, parrot.text = 201, (_FOLDER / "stream_started.json").read_text()
    async with client_of(settings) as client:
        streams = client.calls(_CALL).streams
        assert (await streams.create_async(url="wss://media.example.com.au/twilio/stream")).sid == f"MZ{'a' * 32}"
        for parrot.text in cuts("stream_started"):
            with pytest.raises((BusyError, JSONDecodeError)):  # `StreamRecovery` tries again after any error
                await streams.create_async(url="wss://media.example.com.au/twilio/stream")
