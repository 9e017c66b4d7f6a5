"""What Australia wants to know before it lets somebody have a local number, as Twilio's regulations put it."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.twilio.rest.registry import Registry, Row

REGULATIONS = {"business": f"RN{'b' * 32}", "individual": f"RN{'a' * 32}"}
NAMES = {"business": ("business_name",), "individual": ("first_name", "last_name")}


def of_bundle(table: Mapping[str, Row], bundle: str) -> list[Row]:
    """The rows that belong to the bundle of that sid."""
    return [row for row in table.values() if row["bundle_sid"] == bundle]


def inside(book: Registry, bundle: Row) -> list[Row]:
    """The end users and documents in ``bundle``."""
    objects = book.end_users | book.documents
    return [objects[item["object_sid"]] for item in of_bundle(book.items, bundle["sid"])]


def missing(book: Registry, bundle: Row) -> list[Row]:
    """What an evaluation of ``bundle`` complains about, in its own form."""
    kind = next((kind for kind, sid in REGULATIONS.items() if sid == bundle["regulation_sid"]), "business")
    rows = inside(book, bundle)
    person = next((row for row in rows if row["type"] == kind), None)
    address = next((row for row in rows if row["type"] == "address"), None)
    known = address is not None and address["attributes"].get("address_sids") in book.addresses
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
    """The regulation of AU local numbers for a ``kind`` of end user, under ``url``."""
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
