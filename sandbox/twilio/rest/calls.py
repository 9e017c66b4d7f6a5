"""REST of live calls: Calls and their Streams."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any, get_args

from aiohttp import web
from multidict import MultiMapping

from sandbox.twilio.phone import interpreter, streams
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import API_VERSION, Inline, Leg, Step
from sandbox.twilio.phone.softphones import is_identity
from sandbox.twilio.phone.twiml import TRACKS
from sandbox.twilio.phone.verbs import Event, StartStream
from sandbox.twilio.rest.call_rate import CALL_RATE
from sandbox.twilio.rest.framework import ACCOUNT, RestError, form, not_found, page, repeated
from sandbox.twilio.rest.parameters import METHODS, at_times, choice, known, url, whole
from sandbox.twilio.webhooks.request import Failure, Webhook

routes = web.RouteTableDef()
CREATE = (
    "To From Method FallbackUrl FallbackMethod StatusCallback StatusCallbackEvent StatusCallbackMethod SendDigits "
    "Timeout Record RecordingChannels RecordingStatusCallback RecordingStatusCallbackMethod SipAuthUsername "
    "SipAuthPassword "
    "MachineDetection MachineDetectionTimeout RecordingStatusCallbackEvent Trim CallerId "
    "MachineDetectionSpeechThreshold MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AsyncAmd "
    "AsyncAmdStatusCallback AsyncAmdStatusCallbackMethod Byoc CallReason CallToken RecordingTrack TimeLimit "
    "ClientNotificationUrl Url Twiml ApplicationSid"
)
"""Recordings, answering machines and whatever else is not about talking have no effect."""
UPDATE = "Url Method Status FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod Twiml TimeLimit"
MAX_TWIML = 4000  # characters
MOST_SECONDS = 24 * 3600  # that a call may last
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CALL = f"{ACCOUNT}/Calls/{{call}}"
_SUBRESOURCES = {
    "notifications": "Notifications",
    "recordings": "Recordings",
    "payments": "Payments",
    "events": "Events",
    "siprec": "Siprec",
    "streams": "Streams",
    "transcriptions": "Transcriptions",
    "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
    "user_defined_messages": "UserDefinedMessages",
}


@routes.post(f"{ACCOUNT}/Calls.json")
async def create_call(request: web.Request) -> web.Response:
    """Call ``To`` from ``From``; who answers gets ``Url`` or ``Twiml``."""
    exchange, fields = request.app[EXCHANGE], known(await form(request), CREATE)
    to, from_ = parties(exchange, fields)
    step = _step(fields)
    if step is None:
        raise RestError(400, 21205, "Url parameter is required.")
    timeout = whole(fields, "Timeout", 60, 1, 600)
    leg = await outgoing(request, to, from_, fields)
    queued = request.app[CALL_RATE].turn()
    leg.queue_time = str(round(queued * 1000))
    exchange.spawn(interpreter.call_out(exchange, leg, step, timeout, queued))
    return web.json_response(call_json(leg), status=201)


@routes.get(f"{ACCOUNT}/Calls.json")
async def list_calls(request: web.Request) -> web.Response:
    """Return the calls, newest first."""
    legs = reversed(request.app[EXCHANGE].legs.values())
    return page(request, "calls", [call_json(leg) for leg in filter(_filter(request.query), legs)])


@routes.get(f"{_CALL}.json")
async def fetch_call(request: web.Request) -> web.Response:
    """Return one call."""
    return web.json_response(call_json(_leg(request)))


@routes.post(f"{_CALL}.json")
async def update_call(request: web.Request) -> web.Response:
    """Hang up (``Status``), in time (``TimeLimit``), or go on with another document (``Url``, ``Twiml``)."""
    leg, fields = _leg(request), known(await form(request), UPDATE)
    if leg.over.is_set():
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    status, step = fields.get("Status"), _step(fields)
    if status == "completed" or (status == "canceled" and not leg.answered):
        leg.ended_by_api = True
        leg.hang_up("canceled")
    elif status is not None:
        raise RestError(400, 21218 if status == "canceled" else 20001, f"Status '{status}' can not be set")
    elif step is None and "TimeLimit" in fields:
        interpreter.limit(request.app[EXCHANGE], leg, whole(fields, "TimeLimit", 0, 1, MOST_SECONDS))
    elif step is None:
        raise RestError(400, 20001, "Nothing to update: Status, TimeLimit, Url or Twiml is required")
    elif not leg.answered:
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    else:
        leg.redirect(leg.about(step))
    return web.json_response(call_json(leg))


@routes.post(f"{_CALL}/Streams.json")
async def create_stream(request: web.Request) -> web.Response:
    """Start a unidirectional stream on a live call."""
    exchange, leg, fields = request.app[EXCHANGE], _leg(request), await form(request)
    if leg.over.is_set():
        raise RestError(400, 21220, "Call is not in-progress. Cannot start stream.")
    stream = streams.start(exchange, leg, _wanted_stream(fields))
    if isinstance(stream, Failure):
        raise RestError(400, stream.code, stream.text)
    return web.json_response(stream.json())


@routes.post(f"{_CALL}/Streams/{{stream}}.json")
async def stop_stream(request: web.Request) -> web.Response:
    """Stop a stream (``Status=stopped``), by the stream's sid or its name."""
    stream = streams.find(_leg(request), request.match_info["stream"])
    if stream is None:
        raise not_found(request)
    if (await form(request)).get("Status") != "stopped":
        raise RestError(400, 20001, "Status must be 'stopped'")
    stream.stop()
    return web.json_response(stream.json())


def call_json(leg: Leg) -> dict[str, Any]:
    """Return a Call as REST shows it. ``price`` and ``price_unit`` are null in au1."""
    call = f"/{API_VERSION}/Accounts/{leg.account_sid}/Calls/{leg.sid}"
    ended = leg.over.is_set()
    return {
        "sid": leg.sid,
        "account_sid": leg.account_sid,
        "parent_call_sid": leg.parent.sid if leg.parent else None,
        "phone_number_sid": leg.phone_number_sid or None,
        "from": leg.from_,
        "from_formatted": leg.from_,
        "to": leg.to,
        "to_formatted": leg.to,
        "direction": leg.direction,
        "status": "queued" if leg.status == "initiated" else leg.status,  # REST knows no "initiated"
        "duration": str(leg.seconds()) if ended else None,
        "date_created": format_datetime(leg.created),
        "date_updated": format_datetime(leg.ended or leg.started or leg.created),
        "start_time": format_datetime(leg.started or leg.created) if leg.started or ended else None,
        "end_time": format_datetime(leg.ended) if leg.ended else None,
        "api_version": API_VERSION,
        "queue_time": leg.queue_time,
        "subresource_uris": {name: f"{call}/{path}.json" for name, path in _SUBRESOURCES.items()},
        "uri": f"{call}.json",
    } | dict.fromkeys(
        (
            "answered_by",
            "caller_name",
            "forwarded_from",
            "group_sid",
            "price",
            "price_unit",
            "trunk_sid",
        )
    )


def _leg(request: web.Request) -> Leg:
    leg = request.app[EXCHANGE].legs.get(request.match_info["call"])
    if leg is None:
        raise not_found(request)
    return leg


def _is_client(address: str) -> bool:
    return address.startswith("client:") and is_identity(address.removeprefix("client:"))


def parties(exchange: Exchange, fields: Mapping[str, str]) -> tuple[str, str]:
    """Return whom to call, and from where. Raise `RestError`."""
    to, from_ = fields.get("To", ""), fields.get("From", "")
    if not to:
        raise RestError(400, 21201, "No 'To' number is specified")
    if not from_:
        raise RestError(400, 21213, "No 'From' number is specified")
    if not _is_client(to) and not _E164.fullmatch(to):
        raise RestError(400, 21211, f"The phone number you are attempting to call, {to}, is not valid.")
    if not exchange.number(from_) and not (_is_client(from_) and _is_client(to)):
        verified = "You may only make calls from phone numbers that you've verified or purchased from Twilio."
        unverified = f"The source phone number provided, {from_}, is not yet verified for your account. "
        raise RestError(400, 21210, unverified + verified)
    return to, from_


async def outgoing(request: web.Request, to: str, from_: str, fields: Mapping[str, str]) -> Leg:
    """Return a new leg for a call made by REST, with its callbacks and its limit. Raise `RestError`."""
    exchange, limit = request.app[EXCHANGE], whole(fields, "TimeLimit", MOST_SECONDS, 1, MOST_SECONDS)
    callback, method = url(fields, "StatusCallback"), choice(fields, "StatusCallbackMethod", METHODS, "POST")
    events = _events(await repeated(request, "StatusCallbackEvent"))
    leg = exchange.leg("outbound-api", from_, to, sound=exchange.sound_of(to), customer=not to.startswith("client:"))
    exchange.report_to(leg, callback, method, events)
    interpreter.limit(exchange, leg, limit)
    return leg


def _step(fields: Mapping[str, str]) -> Step | None:
    asked = url(fields, "Url")
    if asked:  # "If both `twiml` and `url` are provided then `twiml` parameter will be ignored."
        return Webhook(asked, choice(fields, "Method", METHODS, "POST"), fallback=url(fields, "FallbackUrl"))
    if len(fields.get("Twiml", "")) > MAX_TWIML:
        raise RestError(400, 20001, f"Twiml may have {MAX_TWIML} characters")
    return Inline(fields["Twiml"]) if "Twiml" in fields else None


def _events(named: list[str]) -> frozenset[Event]:
    """Return the call events that a request names; without any, ``completed``.

    Clients repeat the field; people also write the events into one, apart by spaces.
    """
    words = " ".join(named or ["completed"]).split()
    return frozenset(event for event in get_args(Event) if event in words)


def _filter(query: MultiMapping[str]) -> Callable[[Leg], bool]:
    """Return what the list was asked for: fields as they are, times at (a day), before (<) or after (>)."""
    names = [name for name in ("To", "From", "Status", "ParentCallSid") if query.get(name)]
    in_time = at_times(query, ("StartTime", "EndTime"))

    def wanted(leg: Leg) -> bool:
        facts = {"To": leg.to, "From": leg.from_, "Status": leg.status}
        facts["ParentCallSid"] = leg.parent.sid if leg.parent else ""
        moments = {"StartTime": leg.started or leg.created, "EndTime": leg.ended}
        return all(query[name] == facts[name] for name in names) and in_time(moments)

    return wanted


def _wanted_stream(fields: Mapping[str, str]) -> StartStream:
    track = fields.get("Track", "inbound_track")
    if not fields.get("Url"):
        raise RestError(400, 20001, "Url parameter is required.")
    if track not in TRACKS:
        raise RestError(400, 31941, f"Stream - Invalid Track configuration: {track}")
    numbered = [(fields.get(f"Parameter{n}.Name", ""), fields.get(f"Parameter{n}.Value", "")) for n in range(1, 100)]
    return StartStream(
        url=fields["Url"],
        name=fields.get("Name", ""),
        tracks=TRACKS[track],
        parameters=tuple((name, value) for name, value in numbered if name),
        status_callback=fields.get("StatusCallback", ""),
        status_callback_method=fields.get("StatusCallbackMethod", "POST"),
    )
