"""REST of the regulatory bundle behind a number (``numbers…/v2/RegulatoryCompliance``), for AU local numbers.

A bundle is a draft, is given items (an end user, and a document that names an address), is evaluated, submitted,
and then looked at by people: `Registry.decide`, or by itself after `Registry.review_seconds`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.rest.framework import PAGE_SIZE, RestError, form, not_found
from sandbox.twilio.rest.registry import REGISTRY, Registry, Row, fresh_sid, now

routes = web.RouteTableDef()
_ROOT = "/v2/RegulatoryCompliance"
_REJECTABLE = "reject"  # in a business' name, for whoever tries the sandbox


@routes.get(f"{_ROOT}/Regulations")
async def list_regulations(request: web.Request) -> web.Response:
    """Return what is needed for AU local numbers, by ``EndUserType``, ``IsoCountry`` and ``NumberType``."""
    query = request.query
    ours = query.get("IsoCountry", "AU") == "AU" and query.get("NumberType", "local") == "local"
    kinds = [kind for kind in REGULATIONS if ours and query.get("EndUserType", kind) == kind]
    return _page(request, [regulation_json(kind, f"{request.url.origin()}{_ROOT}/Regulations") for kind in kinds])


@routes.post(f"{_ROOT}/EndUsers")
async def create_end_user(request: web.Request) -> web.Response:
    """Create an end user: whose the number will be."""
    fields = await form(request)
    _require(fields, "FriendlyName", "Type")
    if fields["Type"] not in NAMES:
        raise RestError(400, 20001, "Type is invalid")
    row = _named(request, "IT", "EndUsers", fields) | {"type": fields["Type"], "attributes": _attributes(fields)}
    return _kept(request.app[REGISTRY].end_users, row)


@routes.get(f"{_ROOT}/EndUsers")
async def list_end_users(request: web.Request) -> web.Response:
    """Return every one; there is no filter."""
    return _page(request, list(request.app[REGISTRY].end_users.values()))


@routes.delete(f"{_ROOT}/EndUsers/{{sid}}")
async def delete_end_user(request: web.Request) -> web.Response:
    """Delete an end user; 21644 while it is in a bundle."""
    registry = request.app[REGISTRY]
    row = _row(request, registry.end_users, "sid")
    if _is_assigned(registry, row["sid"]):
        raise RestError(400, 21644, "The End-User cannot be deleted due to active assignments")
    del registry.end_users[row["sid"]]
    return web.Response(status=204)


@routes.post(f"{_ROOT}/SupportingDocuments")
async def create_document(request: web.Request) -> web.Response:
    """Create a supporting document; for AU local numbers an ``address`` with ``{"address_sids": "AD…"}``."""
    fields = await form(request)
    _require(fields, "FriendlyName", "Type")
    row = _named(request, "RD", "SupportingDocuments", fields) | {
        "mime_type": None,
        "status": "draft",
        "failure_reason": None,
        "errors": [],
        "type": fields["Type"],
        "attributes": _attributes(fields),
    }
    return _kept(request.app[REGISTRY].documents, row)


@routes.get(f"{_ROOT}/SupportingDocuments")
async def list_documents(request: web.Request) -> web.Response:
    """Return every one; there is no filter."""
    return _page(request, list(request.app[REGISTRY].documents.values()))


@routes.delete(f"{_ROOT}/SupportingDocuments/{{sid}}")
async def delete_document(request: web.Request) -> web.Response:
    """Delete a supporting document; 21646 while Twilio looks at it, and refused as well while it is in a bundle."""
    registry = request.app[REGISTRY]
    row = _row(request, registry.documents, "sid")
    if row["status"] == "pending-review" or _is_assigned(registry, row["sid"]):
        raise RestError(400, 21646, "The Supporting Document is not eligible for deletion")
    del registry.documents[row["sid"]]
    return web.Response(status=204)


@routes.get(f"{_ROOT}/SupportingDocuments/{{sid}}")
async def fetch_document(request: web.Request) -> web.Response:
    """Return one proof, and whether it was accepted."""
    return web.json_response(_row(request, request.app[REGISTRY].documents, "sid"))


@routes.post(f"{_ROOT}/Bundles")
async def create_bundle(request: web.Request) -> web.Response:
    """Create a draft of a bundle, with nothing in it."""
    fields = await form(request)
    _require(fields, "FriendlyName", "Email")
    row = _named(request, "BU", "Bundles", fields)
    row |= {
        "regulation_sid": fields.get("RegulationSid") or REGULATIONS[fields.get("EndUserType", "business")],
        "status": "draft",
        "valid_until": None,
        "email": fields["Email"],
        "status_callback": fields.get("StatusCallback"),
        "links": {
            name: f"{row['url']}/{path}"
            for name, path in (
                ("evaluations", "Evaluations"),
                ("item_assignments", "ItemAssignments"),
                ("bundle_copies", "Copies"),
            )
        },
    }
    return _kept(request.app[REGISTRY].bundles, row)


@routes.get(f"{_ROOT}/Bundles")
async def list_bundles(request: web.Request) -> web.Response:
    """Return the bundles, by ``FriendlyName`` and ``Status``."""
    asked = {key: request.query[name] for name, key in _BUNDLE_FILTERS.items() if name in request.query}
    rows = request.app[REGISTRY].bundles.values()
    return _page(request, [row for row in rows if all(row[key] == asked[key] for key in asked)])


_BUNDLE_FILTERS = {"FriendlyName": "friendly_name", "Status": "status", "RegulationSid": "regulation_sid"}


@routes.get(f"{_ROOT}/Bundles/{{bundle}}")
async def fetch_bundle(request: web.Request) -> web.Response:
    """Return one bundle."""
    return web.json_response(_row(request, request.app[REGISTRY].bundles, "bundle"))


@routes.delete(f"{_ROOT}/Bundles/{{bundle}}")
async def delete_bundle(request: web.Request) -> web.Response:
    """Delete a bundle, with its assignments: a draft, approved or rejected one that no number needs (21648)."""
    registry = request.app[REGISTRY]
    row = _row(request, registry.bundles, "bundle")
    if row["status"] in ("pending-review", "in-review"):
        raise RestError(400, 22206, "The bundle can not be deleted in this status.")
    if any(number.bundle_sid == row["sid"] for number in request.app[EXCHANGE].numbers.values()):
        raise RestError(400, 21648, "The Regulatory Bundle cannot be deleted due to an active number assignment.")
    for table in (registry.items, registry.evaluations):
        for each in of_bundle(table, row["sid"]):
            del table[each["sid"]]
    del registry.bundles[row["sid"]]
    return web.Response(status=204)


@routes.post(f"{_ROOT}/Bundles/{{bundle}}")
async def update_bundle(request: web.Request) -> web.Response:
    """Change a bundle; ``Status=pending-review`` submits it; 22222 if it would not pass."""
    registry, fields = request.app[REGISTRY], await form(request)
    row = _row(request, registry.bundles, "bundle")
    if fields.get("Status") == "pending-review":
        if missing(registry, row):
            raise RestError(400, 22222, "The bundle is not compliant: evaluate it for the reasons.")
        request.app[EXCHANGE].spawn(_review(registry, row))  # begins after we have returned
    row |= {key: fields[name] for name, key in _BUNDLE_CHANGES.items() if name in fields}
    row["date_updated"] = now()
    return web.json_response(row)


_BUNDLE_CHANGES = {
    "Status": "status",
    "FriendlyName": "friendly_name",
    "Email": "email",
    "StatusCallback": "status_callback",
}


@routes.post(f"{_ROOT}/Bundles/{{bundle}}/ItemAssignments")
async def assign_item(request: web.Request) -> web.Response:
    """Put an end user or a document into the bundle, while it is a draft or was rejected."""
    registry, fields = request.app[REGISTRY], await form(request)
    bundle, sid = _row(request, registry.bundles, "bundle"), fields.get("ObjectSid", "")
    if sid not in registry.end_users and sid not in registry.documents:
        raise RestError(404, 20404, f"{sid or 'ObjectSid'} was not found")
    if bundle["status"] not in ("draft", "twilio-rejected"):
        raise RestError(400, 22206, "The bundle can not be changed in this status.")
    item = _new(request, "BV", f"Bundles/{bundle['sid']}/ItemAssignments")
    del item["date_updated"]
    return _kept(registry.items, item | {"bundle_sid": bundle["sid"], "object_sid": sid})


@routes.get(f"{_ROOT}/Bundles/{{bundle}}/ItemAssignments")
async def list_items(request: web.Request) -> web.Response:
    """Return what is in the bundle."""
    return _page(request, of_bundle(request.app[REGISTRY].items, request.match_info["bundle"]))


@routes.delete(f"{_ROOT}/Bundles/{{bundle}}/ItemAssignments/{{sid}}")
async def remove_item(request: web.Request) -> web.Response:
    """Take it out again."""
    items = request.app[REGISTRY].items
    del items[_row(request, items, "sid")["sid"]]
    return web.Response(status=204)


@routes.post(f"{_ROOT}/Bundles/{{bundle}}/Evaluations")
async def evaluate(request: web.Request) -> web.Response:
    """Return whether the bundle would pass, and what is missing."""
    registry = request.app[REGISTRY]
    bundle = _row(request, registry.bundles, "bundle")
    complaints = missing(registry, bundle)
    row = _new(request, "EL", f"Bundles/{bundle['sid']}/Evaluations") | {
        "regulation_sid": bundle["regulation_sid"],
        "bundle_sid": bundle["sid"],
        "status": "noncompliant" if complaints else "compliant",
        "results": complaints,
    }
    del row["date_updated"]
    return _kept(registry.evaluations, row)


@routes.get(f"{_ROOT}/Bundles/{{bundle}}/Evaluations")
async def list_evaluations(request: web.Request) -> web.Response:
    """Return every evaluation of the bundle."""
    return _page(request, of_bundle(request.app[REGISTRY].evaluations, request.match_info["bundle"]))


def take_up(exchange: Exchange, registry: Registry) -> None:
    """Look at what was submitted and not decided: after a restart, or once somebody wants it done by itself."""
    for bundle in registry.bundles.values():
        if bundle["status"] == "pending-review":
            exchange.spawn(_review(registry, bundle))


async def _review(registry: Registry, bundle: Row) -> None:
    if registry.review_seconds is None:
        return
    await asyncio.sleep(registry.review_seconds)
    if bundle["status"] != "pending-review" or registry.review_seconds is None:  # a person was faster, or wants to be
        return
    names = [
        str(row["attributes"].get("business_name", "")) for row in inside(registry, bundle) if "attributes" in row
    ]
    if any(_REJECTABLE in name.lower() for name in names):
        registry.decide(
            bundle["sid"], "twilio-rejected", "The business name could not be verified in the ABN register."
        )
    else:
        registry.decide(bundle["sid"], "twilio-approved")


def _new(request: web.Request, prefix: str, collection: str) -> Row:
    sid, at = fresh_sid(prefix), now()
    url = f"{request.url.origin()}{_ROOT}/{collection}/{sid}"
    account = request.app[EXCHANGE].settings.account_sid
    return {"sid": sid, "account_sid": account, "date_created": at, "date_updated": at, "url": url}


def _named(request: web.Request, prefix: str, collection: str, fields: Mapping[str, str]) -> Row:
    return _new(request, prefix, collection) | {"friendly_name": fields["FriendlyName"]}


def _kept(table: dict[str, Row], row: Row) -> web.Response:
    table[row["sid"]] = row
    return web.json_response(row, status=201)


def _row(request: web.Request, table: Mapping[str, Row], name: str) -> Row:
    row = table.get(request.match_info[name])
    if row is None:
        raise not_found(request)
    return row


def _is_assigned(registry: Registry, sid: str) -> bool:
    return any(item["object_sid"] == sid for item in registry.items.values())


def _require(fields: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not fields.get(name):
            raise RestError(400, 20001, f"Missing required parameter {name}")


def _attributes(fields: Mapping[str, str]) -> Any:
    try:
        return json.loads(fields.get("Attributes", "{}"))
    except ValueError:
        raise RestError(400, 20001, "Attributes is not JSON") from None


def _page(request: web.Request, rows: Sequence[Row]) -> web.Response:
    """Return one page as the newer APIs cut and link them."""
    size, number = int(request.query.get("PageSize", PAGE_SIZE)), int(request.query.get("Page", 0))

    def url(at: int) -> str:
        query = {
            name: value for name, value in request.query.items() if name not in ("Page", "PageSize", "PageToken")
        }
        return f"{request.url.origin()}{request.path}?{urlencode(query | {'PageSize': size, 'Page': at})}"

    meta = {
        "page": number,
        "page_size": size,
        "first_page_url": url(0),
        "previous_page_url": url(number - 1) if number else None,
        "url": url(number),
        "next_page_url": url(number + 1) if (number + 1) * size < len(rows) else None,
        "key": "results",
    }
    return web.json_response({"results": rows[number * size : (number + 1) * size], "meta": meta})


REGULATIONS = {"business": f"RN{'b' * 32}", "individual": f"RN{'a' * 32}"}
NAMES = {"business": ("business_name",), "individual": ("first_name", "last_name")}


def of_bundle(table: Mapping[str, Row], bundle: str) -> list[Row]:
    """Return the rows that belong to the bundle of that sid."""
    return [row for row in table.values() if row["bundle_sid"] == bundle]


def inside(registry: Registry, bundle: Row) -> list[Row]:
    """Return the end users and documents in ``bundle``."""
    objects = registry.end_users | registry.documents
    return [objects[item["object_sid"]] for item in of_bundle(registry.items, bundle["sid"])]


def missing(registry: Registry, bundle: Row) -> list[Row]:
    """Return what an evaluation of ``bundle`` complains about, in its own form."""
    kind = next((kind for kind, sid in REGULATIONS.items() if sid == bundle["regulation_sid"]), "business")
    rows = inside(registry, bundle)
    person = next((row for row in rows if row["type"] == kind), None)
    address = next((row for row in rows if row["type"] == "address"), None)
    known = address is not None and address["attributes"].get("address_sids") in registry.addresses
    lacking = [name for name in NAMES[kind] if person and not person["attributes"].get(name)]
    complaints = [] if person else [_complaint(kind.title(), kind, 22214)]
    complaints += [_complaint(name.replace("_", " ").title(), name, 22215) for name in lacking]
    return complaints + ([] if known else [_complaint("Address sid(s)", "address_sids", 22219)])


def _complaint(friendly: str, name: str, code: int) -> Row:
    reason = f"The {friendly} is missing. Please add it to the regulatory bundle."
    return {
        "friendly_name": friendly,
        "object_type": name,
        "passed": False,
        "failure_reason": reason,
        "error_code": code,
        "valid": [],
        "invalid": [{"friendly_name": friendly, "object_field": name, "failure_reason": reason, "error_code": code}],
        "requirement_friendly_name": friendly,
        "requirement_name": name,
    }


def regulation_json(kind: str, url: str) -> Row:
    """Return the regulation of AU local numbers for a ``kind`` of end user, under ``url``."""
    fields = [{"machine_name": name, "friendly_name": name.replace("_", " ").title()} for name in NAMES[kind]]
    end_user = {
        "name": kind.title(),
        "type": kind,
        "requirement_name": f"{kind}_info",
        "url": f"{url}/{kind}",
        "fields": list(NAMES[kind]),
        "detailed_fields": fields,
    }
    proof = {"name": "Address Validation", "type": "address", "fields": ["address_sids"], "detailed_fields": []}
    document = {"name": "Address", "type": "document", "accepted_documents": [proof]}
    return {
        "sid": REGULATIONS[kind],
        "friendly_name": f"Australia: Local - {kind.title()}",
        "iso_country": "AU",
        "number_type": "local",
        "end_user_type": kind,
        "requirements": {"end_user": [end_user], "supporting_document": [[document]]},
        "url": f"{url}/{REGULATIONS[kind]}",
    }
