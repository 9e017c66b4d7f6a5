"""A stream is the same, whether TwiML starts it or the REST API."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from uuid import uuid4

from protocol.tickets import verify_stream
from provisioning.twilio import webhook_url
from web.calls.stream_start import NAME, stream_start
from web.config import Settings

CALL = "CA" + "1" * 32


def test_twiml_and_rest_ask_for_the_same_stream(settings: Settings) -> None:
    start = stream_start(
        settings, org=uuid4(), call=CALL, direction="inbound", agent=uuid4(), began=7, name="after-1"
    )
    (noun,) = ET.fromstring(str(start.verb()))
    (parameter,) = noun
    asked = start.arguments()
    assert noun.attrib == {
        "url": asked["url"],
        "name": asked["name"],
        "track": asked["track"],
        "statusCallback": asked["status_callback"],
    }
    assert parameter.attrib == {"name": asked["parameter1_name"], "value": asked["parameter1_value"]}
    assert asked["url"] == f"{settings.media_public_url}/twilio/stream"
    assert asked["status_callback"] == webhook_url.reported(f"{settings.web_public_url}/twilio/stream/status")


def test_the_ticket_opens_the_call_it_is_for(settings: Settings) -> None:
    org, agent = uuid4(), uuid4()
    start = stream_start(settings, org=org, call=CALL, direction="outbound", agent=agent)
    ticket = verify_stream(settings.stream_shared_secret.get_secret_value(), start.ticket)
    assert (ticket.org, ticket.call, ticket.direction, ticket.agent) == (str(org), CALL, "outbound", str(agent))
    assert start.name == NAME
