"""Stripe's webhooks: whose are refused, what each comes to, and that neither repetition nor disorder matters."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from sqlalchemy import select
from stripe import WebhookSignature

from db.models import StripeEvent
from tests.shop import SECRET, Shop


def event(kind: str = "customer.created", identifier: str = "evt_1", **subject: Any) -> str:
    return json.dumps({"id": identifier, "object": "event", "type": kind, "data": {"object": subject}})


def signed(text: str, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    made = WebhookSignature.generate_signature_header(text, secret, int(at or time.time()))
    return {"Stripe-Signature": made}


async def post(shop: Shop, body: str | bytes, headers: dict[str, str] | None = None) -> int:
    given = signed(body) if headers is None and isinstance(body, str) else headers or {}
    return (await shop.browser().post("/stripe/webhook", data=body, headers=given)).status


async def test_what_stripe_did_not_sign_lately_is_refused(shop: Shop) -> None:
    text = event()
    assert await post(shop, text, {}) == 400
    for headers in (
        signed(text, "whsec_of_somebody_else"),
        signed(text, at=time.time() - 600),
        signed(event(identifier="evt_2")),
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=1,v1=ü"},
    ):
        assert await post(shop, text, headers) == 400
    async with shop.database.begin() as session:
        assert (await session.scalars(select(StripeEvent))).all() == []


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "{}", '{"id": "", "type": "a", "data": {"object": {}}}', "[" * 99_999]
)
async def test_what_is_no_event_is_refused(shop: Shop, text: str) -> None:
    assert await post(shop, text) == 400


async def test_what_is_no_text_is_refused(shop: Shop) -> None:
    assert await post(shop, b"\xff\xfe", signed(event())) == 400


async def test_what_is_too_large_is_refused(shop: Shop) -> None:
    assert await post(shop, event(filling="x" * 300_000)) == 413


async def test_what_is_nothing_to_us_is_recorded_and_ignored(shop: Shop) -> None:
    assert [await post(shop, event("price.created")) for _ in range(2)] == [200, 200]
    async with shop.database.begin() as session:
        row = (await session.scalars(select(StripeEvent))).one()
    assert (row.id, row.type, row.state, row.attempts) == ("evt_1", "price.created", "ignored", 2)
