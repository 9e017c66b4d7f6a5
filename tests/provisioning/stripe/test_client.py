"""Stripe's errors, as the package raises them."""

from __future__ import annotations

import pytest
import stripe

from provisioning.stripe.client import StripeError, translate_errors


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, True), (402, False), (403, True), (404, False), (409, True), (429, True), (500, True)],
)
def test_what_the_customer_need_not_change_is_retryable(status: int, retryable: bool) -> None:
    with pytest.raises(StripeError) as caught, translate_errors():
        raise stripe.StripeError("no", http_status=status)
    assert caught.value.retryable is retryable


def test_silence_is_retryable() -> None:
    with pytest.raises(StripeError) as caught, translate_errors():
        raise TimeoutError
    assert caught.value.retryable
