"""What the emulated Stripe answers when it cannot do what it is asked."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error in Stripe's shape: HTTP ``status`` and the ``error`` object of the body."""

    def __init__(self, status: int, text: str, *, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(text)
        self.status = status
        known = {name: value for name, value in more.items() if value is not None}
        if "code" in known:
            known["doc_url"] = f"https://stripe.com/docs/error-codes/{known['code'].replace('_', '-')}"
        self.error: dict[str, Any] = {"message": text, "type": kind} | known


def missing(kind: str, identifier: str, param: str = "id", status: int = 404) -> ApiError:
    """Return the error for a missing object. Stripe answers 404 for a path's id and 400 for a parameter's."""
    text = f"No such {_SPOKEN.get(kind, kind)}: '{identifier}'"
    return ApiError(status, text, code="resource_missing", param=param)


_SPOKEN = {
    "checkout.session": "checkout.session",
    "payment_method": "PaymentMethod",
    "subscription_item": "subscription_item",
}
