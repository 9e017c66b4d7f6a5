"""REST of live calls: Calls and their Streams."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

from aiohttp import web
from multidict import MultiMapping

from sandbox.twilio.browser.access_token import is_identity
from sandbox.twilio.phone import interpreter, streams
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import API_VERSION, Inline, Leg, Step
from sandbox.twilio.phone.twiml import TRACKS
from sandbox.twilio.phone.verbs import Event, StartStream
from sandbox.twilio.phone.webhook import Failure, Webhook
from sandbox.twilio.rest.framework import ACCOUNT, RestError, form, not_found, page, repeated

routes = web.RouteTableDef()
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
    exchange, fields = request.app[EXCHANGE], await form(request)
    to, from_ = _parties(exchange, fields)
    step = _step(fields)
    if step is None:
        raise RestError(400, 21205, "Url parameter is required.")
    leg = exchange.leg("outbound-api", from_, to, sound=exchange.demo_sound(), customer=not to.startswith("client:"))
    events = await repeated(request, "StatusCallbackEvent")
    method = fields.get("StatusCallbackMethod", "POST")
    exchange.report_to(leg, fields.get("StatusCallback", ""), method, _events(events))
    exchange.spawn(interpreter.call_out(exchange, leg, step, float(_number(fields, "Timeout", 60))))
    return web.json_response(call_json(leg), status=201)


@routes.get(f"{ACCOUNT}/Calls.json")
async def list_calls(request: web.Request) -> web.Response:
    """The calls, newest first."""
    legs = reversed(request.app[EXCHANGE].legs.values())
    return page(request, "calls", [call_json(leg) for leg in filter(_filter(request.query), legs)])


@routes.get(f"{_CALL}.json")
async def fetch_call(request: web.Request) -> web.Response:
    """One call."""
    return web.json_response(call_json(_leg(request)))


@routes.post(f"{_CALL}.json")
async def update_call(request: web.Request) -> web.Response:
    """Hang up (``Status``) or go on with another document (``Url``, ``Twiml``)."""
    leg, fields = _leg(request), await form(request)
    if leg.over.is_set():
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    status, step = fields.get("Status"), _step(fields)
    if status == "completed" or (status == "canceled" and not leg.answered):
        leg.hang_up("canceled")
    elif status is not None:
        raise RestError(400, 21218 if status == "canceled" else 20001, f"Status '{status}' can not be set")
    elif step is None:
        raise RestError(400, 20001, "Nothing to update: Status, Url or Twiml is required")
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
    """``Status=stopped``, by the stream's sid or its name."""
    stream = streams.find(_leg(request), request.match_info["stream"])
    if stream is None:
        raise not_found(request)
    if (await form(request)).get("Status") != "stopped":
        raise RestError(400, 20001, "Status must be 'stopped'")
    stream.stop()
    return web.json_response(stream.json())


def call_json(leg: Leg) -> dict[str, Any]:
    """A Call as REST shows it. ``price`` and ``price_unit`` are null in au1."""
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
        "queue_time": "0",
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


def _parties(exchange: Exchange, fields: Mapping[str, str]) -> tuple[str, str]:
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


def _step(fields: Mapping[str, str]) -> Step | None:
    if "Twiml" in fields:
        return Inline(fields["Twiml"])
    if "Url" not in fields:
        return None
    if not fields["Url"].startswith(("http://", "https://")):
        raise RestError(400, 21205, f"Url is not a valid URL: {fields['Url']}")
    return Webhook(fields["Url"], fields.get("Method", "POST"), fallback=fields.get("FallbackUrl", ""))


def _events(named: list[str]) -> frozenset[Event]:
    """Clients repeat the field; people also write the events into one, apart by spaces."""
    words = " ".join(named or ["completed"]).split()
    return frozenset(event for event in get_args(Event) if event in words)


def _number(fields: Mapping[str, str], name: str, default: int) -> int:
    text = fields.get(name, str(default))
    if not text.isdecimal():
        raise RestError(400, 21208, f"{name} is not valid")
    return int(text)


_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": lambda at, limit: at <= limit,
    ">": lambda at, limit: at >= limit,
    "": lambda at, day: day <= at < day + timedelta(days=1),
}


def _filter(query: MultiMapping[str]) -> Callable[[Leg], bool]:
    """What the list was asked for: fields as they are, times at (a day), before (<) or after (>)."""
    names = [name for name in ("To", "From", "Status", "ParentCallSid") if query.get(name)]
    times = [
        (name, compare, _time(query[name + sign]))
        for name in ("StartTime", "EndTime")
        for sign, compare in _COMPARISONS.items()
        if query.get(name + sign)
    ]

    def wanted(leg: Leg) -> bool:
        known = {"To": leg.to, "From": leg.from_, "Status": leg.status}
        known["ParentCallSid"] = leg.parent.sid if leg.parent else ""
        moments = {"StartTime": leg.started or leg.created, "EndTime": leg.ended}
        at_times = ((moments[name], compare, limit) for name, compare, limit in times)
        return all(query[name] == known[name] for name in names) and all(
            at is not None and compare(at, limit) for at, compare, limit in at_times
        )

    return wanted


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, 20001, f"'{text}' is not a time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


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
