"""Stripe's form encoding: ``items[0][price]=price_1`` stands for ``{"items": {"0": {"price": "price_1"}}}``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import ApiError

MAX_FIELDS = 1000
MAX_DEPTH = 12
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields as nested mappings of strings; ``[]`` counts up. Raise `ApiError` and nothing else."""
    nested: dict[str, Any] = {}
    for number, (name, value) in enumerate(fields):
        path = _path(name)
        if number >= MAX_FIELDS or len(path) > MAX_DEPTH:
            raise ApiError(400, "Too many parameters, or nested too deeply.")
        _put(nested, path, value, name)
    return nested


def _path(name: str) -> list[str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ApiError(400, f"Invalid parameter name: {name}", param=name)
    return [found[1], *(part[1:] for part in found[2].split("]") if part)]


def _put(nested: dict[str, Any], path: list[str], value: str, name: str) -> None:
    here = nested
    for step, following in zip(path, [*path[1:], None], strict=True):
        key = step or str(len(here))
        if following is None:
            if isinstance(here.get(key), dict):
                raise ApiError(400, f"Invalid object: {name} is both a value and an object.", param=name)
            here[key] = value
            return
        inner = here.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ApiError(400, f"Invalid object: {name} is both a value and an object.", param=name)
        here = inner
