"""How the emulated Stripe delivers: signed, again until it is taken, twice or jumbled when it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given, settings as hypothesis_settings, strategies as st

from sandbox.stripe.emulator import Manner, StripeSettings, stripe
from tests.kit.vendors.stripe import SETTINGS, Till, open_till

SECONDS = 60
IMPATIENT = (0.01, 0.01, 0.01)


def mannered(**manner: object) -> StripeSettings:
    """Settings with a manner of their own: it is changed while an emulator runs."""
    return replace(SETTINGS, manner=Manner(**{"retry_seconds": IMPATIENT} | manner))  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till(mannered()) as opened:
        yield opened


async def post(till: Till, path: str, **fields: str) -> int:
    """Press a button of the sandbox's own page."""
    url = f"{till.emulator.url}/sandbox/{path}"
    async with aiohttp.ClientSession() as http, http.post(url, data=fields, allow_redirects=False) as response:
        return response.status


async def test_what_is_refused_comes_again_until_it_is_taken(till: Till) -> None:
    till.endpoint.refuse = 3
    await till.v1.customers.create_async({"email": "owner@acacia.example"})
    await till.emulator.delivered(SECONDS)
    attempts = [(one.kind, one.attempt, one.status) for one in till.emulator.webhooks.log]
    assert attempts == [("customer.created", n, 500) for n in (1, 2, 3)] + [("customer.created", 4, 200)]
    assert till.emulator.events[0]["pending_webhooks"] == 0


async def test_what_is_never_taken_is_given_up_and_can_be_sent_again(till: Till) -> None:
    till.endpoint.refuse = 1 + len(IMPATIENT)
    await till.v1.customers.create_async({"email": "owner@acacia.example"})
    await till.emulator.delivered(SECONDS)
    (event,) = till.emulator.events
    assert (till.endpoint.kinds, event["pending_webhooks"]) == ([], 1)
    assert await post(till, f"events/{event['id']}/resend") == 303
    await till.emulator.delivered(SECONDS)
    assert [one.id for one in till.endpoint.taken] == [event["id"]]


async def test_others_do_not_wait_for_one_that_is_refused(till: Till) -> None:
    till.endpoint.refuse = 1
    for name in ("first", "second"):
        await till.v1.customers.create_async({"name": name})
    await till.emulator.delivered(SECONDS)
    assert [event.data.object["name"] for event in till.endpoint.taken] == ["second", "first"]


async def test_nobody_at_home_is_tried_again() -> None:
    settings = replace(mannered(), webhook_url="http://127.0.0.1:1/stripe/webhook")
    async with stripe(settings) as emulator:
        emulator.account.emit("customer.created", emulator.account.add("customer"))
        await emulator.delivered(SECONDS)
        assert [one.status for one in emulator.webhooks.log] == [0] * (1 + len(IMPATIENT))


async def test_duplicates_and_disorder_are_asked_for_on_the_page(till: Till) -> None:
    assert await post(till, "manner", duplicate="1", reorder="on") == 303
    await till.bought()
    await till.emulator.delivered(SECONDS)
    happened = [event["id"] for event in till.emulator.events]
    taken = [event.id for event in till.endpoint.taken]
    assert Counter(taken) == Counter(happened * 2)
    assert list(dict.fromkeys(taken)) != happened
    assert await post(till, "manner", duplicate="0") == 303
    till.endpoint.taken.clear()
    await till.v1.customers.create_async({"name": "Banksia Books"})
    await till.emulator.delivered(SECONDS)
    assert till.endpoint.kinds == ["customer.created"]
    assert await post(till, "manner", duplicate="2") == 400


async def test_in_good_manners_events_come_once_and_in_order(till: Till) -> None:
    await till.bought()
    await till.emulator.delivered(SECONDS)
    assert [event.id for event in till.endpoint.taken] == [event["id"] for event in till.emulator.events]


async def test_only_what_the_endpoint_asked_for_is_sent() -> None:
    async with open_till(replace(mannered(), enabled_events=("invoice.paid",))) as till:
        await till.bought()
        await till.emulator.delivered(SECONDS)
        assert till.endpoint.kinds == ["invoice.paid"]


async def test_what_was_not_taken_is_sent_after_a_restart(tmp_path: Path) -> None:
    settings = replace(mannered(), state=tmp_path / "stripe.json")
    async with stripe(replace(settings, webhook_url="http://127.0.0.1:1/")) as emulator:
        missed = emulator.account.emit("customer.created", emulator.account.add("customer"))["id"]
        await emulator.delivered(SECONDS)
    async with open_till(settings) as till:
        await till.emulator.delivered(SECONDS)
        assert [event.id for event in till.endpoint.taken] == [missed]


@pytest.mark.slow
@given(
    refuse=st.integers(0, 6),
    duplicate=st.sampled_from((0.0, 0.5, 1.0)),
    reorder=st.booleans(),
    seed=st.integers(0, 9),
)
@hypothesis_settings(max_examples=12)
def test_whatever_the_manner_nothing_is_lost(refuse: int, duplicate: float, reorder: bool, seed: int) -> None:
    async def play() -> None:
        patient = (0.001,) * 10
        manner = mannered(duplicate=duplicate, reorder=reorder, seed=seed, retry_seconds=patient)
        async with open_till(manner) as till:
            till.endpoint.refuse = refuse
            await till.bought()
            await till.emulator.delivered(SECONDS)
            assert {event.id for event in till.endpoint.taken} == {event["id"] for event in till.emulator.events}

    asyncio.run(play())
