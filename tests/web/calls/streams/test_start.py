"""A stream is the same, whether TwiML starts it or the REST API."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from uuid import uuid4

import pytest
from aiohttp import web

from db.queries.words.hearings import NumberHearing
from protocol.tickets import LONGEST_VOCABULARY, TicketError, verify_stream, verify_vocabulary
from provisioning.twilio import webhook_url
from provisioning.twilio.client import client_of
from sandbox.twilio.rest.registry import Passed
from tests.kit.vendors.twilio_customer import settings as account_of, town
from web.calls.streams.start import NAME, stream_start
from web.config import SETTINGS, Settings
from web.resources import TWILIO

CALL = "CA" + "1" * 32


def test_twiml_and_rest_ask_for_the_same_stream(settings: Settings) -> None:
    start = stream_start(
        settings,
        org=uuid4(),
        call=CALL,
        direction="outbound",
        agent=uuid4(),
        hearing=NumberHearing("en-AU", "v" * LONGEST_VOCABULARY, redacts=True),
        began=1_900_000_000_000,
        name="after-1",
        on="customer",
    )
    (noun,) = ET.fromstring(str(start.verb()))
    parameters = {each.attrib["name"]: each.attrib["value"] for each in noun}
    asked = start.arguments()
    assert noun.attrib == {
        "url": asked["url"],
        "name": asked["name"],
        "track": asked["track"],
        "statusCallback": asked["status_callback"],
    }
    assert list(parameters) == [asked["parameter1_name"], asked["parameter2_name"]]
    assert list(parameters.values()) == [asked["parameter1_value"], asked["parameter2_value"]]
    assert all(len(name) + len(value) < 500 for name, value in parameters.items()), "Twilio's limit"
    assert asked["url"] == f"{settings.media_public_url}/twilio/stream"
    assert asked["status_callback"] == webhook_url.reported(f"{settings.web_public_url}/twilio/stream/status")


def test_the_ticket_opens_the_call_it_is_for(settings: Settings) -> None:
    org, agent = uuid4(), uuid4()
    start = stream_start(settings, org=org, call=CALL, direction="outbound", agent=agent)
    ticket = verify_stream(settings.stream_shared_secret.get_secret_value(), start.ticket)
    assert (ticket.org, ticket.call, ticket.direction, ticket.agent) == (str(org), CALL, "outbound", str(agent))
    assert start.name == NAME
    assert (ticket.language, ticket.redacts, start.vocabulary) == (None, False, None)


def test_what_the_number_sets_goes_with_the_stream(settings: Settings) -> None:
    hearing = NumberHearing("en-NZ", "kiwi", redacts=True)
    start = stream_start(settings, org=uuid4(), call=CALL, direction="inbound", agent=None, hearing=hearing)
    secret = settings.stream_shared_secret.get_secret_value()
    ticket = verify_stream(secret, start.ticket)
    assert (ticket.language, ticket.redacts) == ("en-NZ", True)
    assert verify_vocabulary(secret, start.vocabulary, CALL) == "kiwi"
    for token, call in ((start.vocabulary, "CA2"), (start.ticket, CALL), (None, CALL), ("x", CALL)):
        with pytest.raises(TicketError):
            verify_vocabulary(secret, token, call)


async def test_a_stream_started_by_rest_is_reported_from_sydney_and_repeated(settings: Settings) -> None:
    public = "https://app.bilby.example"
    async with town() as (emulator, customer):
        account = account_of(customer)
        values = settings.model_dump() | {
            "twilio_account_sid": account.account_sid,
            "twilio_api_key_sid": account.api_key_sid,
            "twilio_api_key_secret": account.api_key_secret,
            "twilio_api_base": emulator.url,
            "web_public_url": public,
        }
        app, passed = web.Application(), list[Passed]()
        app[SETTINGS] = Settings.model_validate(values)
        customer.says("/voice", "<Pause length='600'/>")
        call = emulator.place_call().sid
        emulator.registry.watchers.append(passed.append)
        async with client_of(app[SETTINGS]) as app[TWILIO]:
            start = stream_start(
                app[SETTINGS], org=uuid4(), call=call, direction="inbound", agent=None, name="after-MZ1"
            )
            await app[TWILIO].calls(call).streams.create_async(**start.arguments())
    (asked,) = passed
    assert (asked.form["Name"], asked.form["Track"]) == ("after-MZ1", "both_tracks")
    assert asked.form["Url"] == f"{settings.media_public_url}/twilio/stream"
    assert asked.form["StatusCallback"] == f"{public}/twilio/stream/status#e=sydney&rc=3&rp=5xx,ct,rt"
