"""Twilio's OpenAPI files, as a judge of the REST requests and answers that pass the emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.twilio.rest.registry import Passed

_FOLDER = Path(__file__).parents[2] / "specifications"
_FILES = ("twilio_api_v2010.json", "twilio_numbers_v2.json", "twilio_routes_v2.json")
_ERROR = {"code", "message", "more_info", "status"}
_UNPAGED = {"end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start"}
_KINDS: dict[str, Any] = {
    "string": str,
    "object": dict,
    "boolean": bool,
    "integer": int,
    "array": list,
    "number": (int, float),
}

Rule = dict[str, Any]


class Judge:
    """Give `watch` to the emulator; `faults` says where what passed differs from the specification."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.seen = 0

    def watch(self, passed: Passed) -> None:
        """Look at one exchange."""
        self.seen += 1
        self.faults += [f"{passed.method} {passed.path}: {fault}" for fault in _judge(passed)]


@cache
def _specification(name: str) -> Rule:
    text: Rule = json.loads((_FOLDER / name).read_text())
    return text


def _judge(passed: Passed) -> list[str]:
    for name in _FILES:
        for path, operations in _specification(name)["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/.]+", path), passed.path) and passed.method.lower() in operations:
                return _exchange(_specification(name), operations[passed.method.lower()], passed)
    return ["no such operation"]


def _exchange(specification: Rule, operation: Rule, passed: Passed) -> list[str]:
    known = {each["name"]: each["schema"] for each in operation.get("parameters", []) if each["in"] == "query"}
    faults = _fields(specification, passed.query, known)
    body = operation.get("requestBody")
    schema = body["content"]["application/x-www-form-urlencoded"]["schema"] if body else {}
    faults += _fields(specification, passed.form, schema.get("properties", {}))
    faults += [f"{name} is required" for name in schema.get("required", []) if name not in passed.form]
    return faults + _answer(specification, operation, passed)


def _fields(specification: Rule, given: Mapping[str, str], known: Mapping[str, Rule]) -> list[str]:
    faults = [f"parameter {name} is unknown" for name in given.keys() - known.keys()]
    for name in given.keys() & known.keys():
        rule = _resolved(specification, known[name])
        wrong_word = "enum" in rule and given[name] not in rule["enum"]
        wrong_form = "pattern" in rule and not re.fullmatch(rule["pattern"], given[name])
        faults += [f"parameter {name}={given[name]!r}"] if wrong_word or wrong_form else []
    return faults


def _answer(specification: Rule, operation: Rule, passed: Passed) -> list[str]:
    if passed.status >= 400:
        return [] if set(json.loads(passed.answer)) == _ERROR else ["an error of another shape"]
    described = operation["responses"].get(str(passed.status))
    if described is None:
        return [f"status {passed.status} is not among {list(operation['responses'])}"]
    if "content" not in described:
        return ["an answer where there is none"] if passed.answer else []
    schema = described["content"]["application/json"]["schema"]
    return _object(specification, json.loads(passed.answer), _resolved(specification, schema))


def _object(specification: Rule, body: dict[str, Any], schema: Rule) -> list[str]:
    properties = schema["properties"]
    optional = _UNPAGED if "available_phone_numbers" in properties else set()  # as its own example
    faults = [f"{name} is missing or unknown" for name in (properties.keys() ^ body.keys()) - optional]
    for name in properties.keys() & body.keys():
        rule = _resolved(specification, properties[name])
        if not _fits(body[name], rule):
            faults.append(f"{name}: {body[name]!r}")
        elif isinstance(body[name], list) and "properties" in (
            items := _resolved(specification, rule.get("items", {}))
        ):
            faults += [fault for each in body[name] for fault in _object(specification, each, items)]
    return faults


def _resolved(specification: Rule, rule: Rule) -> Rule:
    if "$ref" not in rule:
        return rule
    found: Rule = specification["components"]["schemas"][rule["$ref"].rpartition("/")[2]]
    return found | ({} if "properties" in found else {"nullable": True})


def _fits(value: Any, rule: Rule) -> bool:
    if value is None or "type" not in rule:
        return bool(rule.get("nullable", "type" not in rule))
    if not isinstance(value, _KINDS[rule["type"]]) or value not in (rule.get("enum") or [value]):
        return False
    if rule.get("format") == "date-time-rfc-2822":
        return parsedate_to_datetime(str(value)).tzinfo is not None
    if rule.get("format") == "date-time":
        return datetime.fromisoformat(str(value)).tzinfo is not None
    # The specification's own examples have empty sids where there is none, whatever its patterns say.
    return value == "" or re.fullmatch(rule.get("pattern", "(?s).*").strip("^$"), str(value)) is not None
