"""``expand``: an id in an answer replaced by what it stands for, or a list added that is left out otherwise."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.stripe.account import Account, Object, listed
from sandbox.stripe.billing import checkout_sessions
from sandbox.stripe.errors import ApiError

MAX_DEPTH = 4  # "expansions have a maximum depth of four levels"


def expand(account: Account, answer: Object, paths: list[str]) -> None:
    """Expand each of ``paths`` (dotted) in place. Raise `ApiError`."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH + ("data" in steps):
            raise ApiError(400, f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}")
        _expand(account, answer, steps, path)


def _expand(account: Account, here: Any, steps: list[str], path: str) -> None:
    if not steps or here is None:
        return
    if isinstance(here, list):
        for one in here:
            _expand(account, one, steps, path)
        return
    step, *rest = steps
    if isinstance(here, dict) and (included := _included(account, here, step)) is not None:
        here[step] = included
    if not isinstance(here, dict) or step not in here:
        raise ApiError(400, f"This property cannot be expanded ({path}).")
    if isinstance(here[step], str):
        if here[step] not in account.objects:
            raise ApiError(400, f"This property cannot be expanded ({path}).")
        here[step] = copy.deepcopy(account.objects[here[step]])
    _expand(account, here[step], rest, path)


def _included(account: Account, about: Object, name: str) -> Object | None:
    """Return a list that Stripe leaves out unless it is asked for."""
    identifier = about.get("id", "")
    match about.get("object"), name:
        case "checkout.session", "line_items":
            return copy.deepcopy(checkout_sessions.line_items(account, about))
        case "invoice", "payments":
            return _list(account, "invoice_payment", "invoice", identifier, "/v1/invoice_payments")
        case "customer", "tax_ids":
            return _list(account, "tax_id", "customer", identifier, f"/v1/customers/{identifier}/tax_ids")
        case "customer", "subscriptions":
            return _list(account, "subscription", "customer", identifier, f"/v1/customers/{identifier}/subscriptions")
        case "charge", "refunds":
            return _list(account, "refund", "charge", identifier, f"/v1/charges/{identifier}/refunds")
    return None


def _list(account: Account, kind: str, field: str, identifier: str, url: str) -> Object:
    return listed(copy.deepcopy(account.all(kind, **{field: identifier})), url)
