"""What surrounds every request to the emulated Stripe: keys, versions, errors, idempotency, pages, faults."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import stripe as official
from hypothesis import given, strategies as st

from sandbox.stripe.account import blank
from sandbox.stripe.api.form import decode
from sandbox.stripe.emulator import Fault
from sandbox.stripe.errors import ApiError
from tests.kit.vendors.stripe import KEY, PRICE, Till, open_till

SAMPLES = Path(__file__).parents[3] / "specifications" / "stripe_fixtures3.json"


@pytest_asyncio.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as opened:
        yield opened


async def raw(till: Till, path: str, method: str = "GET", body: str = "", **headers: str) -> tuple[int, Any, Any]:
    """Ask without a client in between: HTTP status, JSON, headers."""
    whole = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"} | headers
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, till.emulator.url + path, data=body or None, headers=whole) as response,
    ):
        return response.status, await response.json(), response.headers


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic x", "Bearer sk_test_wrong_wrong_wrong"])
async def test_a_wrong_key_is_401(till: Till, header: str) -> None:
    status, body, headers = await raw(till, "/v1/customers", Authorization=header)
    assert (status, body["error"]["type"]) == (401, "invalid_request_error")
    assert "Stripe" in headers["WWW-Authenticate"]
    assert "wrong_wrong" not in body["error"]["message"]


async def test_the_version_and_the_requests_id_come_back(till: Till) -> None:
    customer = await till.v1.customers.create_async({"name": "Acacia"})
    assert customer.last_response.headers["Stripe-Version"] == official.api_version
    assert customer.last_response.request_id.startswith("req_")
    status, body, _ = await raw(till, "/v1/customers", **{"Stripe-Version": "2019-01-01"})
    assert (status, "version" in body["error"]["message"]) == (400, True)


async def test_the_same_key_makes_one_thing(till: Till) -> None:
    options = {"idempotency_key": "once"}
    first = await till.v1.customers.create_async({"name": "Acacia"}, options)
    second = await till.v1.customers.create_async({"name": "Acacia"}, options)
    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(official.IdempotencyError):
        await till.v1.customers.create_async({"name": "Banksia"}, options)
    assert len((await till.v1.customers.list_async()).data) == 1


@pytest.mark.parametrize(("status", "after"), [(500, False), (500, True), (0, True)])
async def test_a_lost_answer_is_asked_for_again(till: Till, status: int, after: bool) -> None:
    till.emulator.faults.append(Fault(path="/v1/customers", status=status, after=after))
    await till.v1.customers.create_async({"name": "Acacia"})  # the package tries twice, with one key
    assert not till.emulator.faults
    assert len(till.emulator.account.all("customer")) == 1


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"mode": "subscription", "nonsense": "1"}, "parameter_unknown", "nonsense"),
        (
            {"mode": "subscription", "line_items": [{"price": PRICE, "quantity": "x"}]},
            None,
            "line_items[0][quantity]",
        ),
        ({"mode": "sell"}, None, "mode"),
        ({"mode": "subscription", "line_items": [{"price": "price_no", "quantity": 1}]}, "resource_missing", None),
        ({"mode": "subscription", "line_items": []}, "parameter_missing", "line_items"),
    ],
)
async def test_bad_parameters_are_named(till: Till, params: Any, code: str | None, param: str | None) -> None:
    with pytest.raises(official.InvalidRequestError) as caught:
        await till.v1.checkout.sessions.create_async({"success_url": "http://127.0.0.1/"} | params)
    assert caught.value.http_status == 400
    assert code is None or caught.value.code == code
    assert param is None or caught.value.param == param


async def test_what_is_not_there_is_404(till: Till) -> None:
    with pytest.raises(official.InvalidRequestError, match="No such subscription: 'sub_no'") as caught:
        await till.v1.subscriptions.retrieve_async("sub_no")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert (await raw(till, "/v1/nonsense"))[0] == 404


async def test_a_customer_with_an_address_only_to_come_needs_leave_to_take_it(till: Till) -> None:
    customer = await till.v1.customers.create_async({"name": "Acacia"})
    with pytest.raises(official.InvalidRequestError, match="customer_update"):
        await till.checkout(customer=customer.id)
    with pytest.raises(official.InvalidRequestError) as caught:
        await till.checkout(customer=customer.id, customer_update={"name": "auto"})
    assert caught.value.code == "customer_tax_location_invalid"


async def test_lists_come_in_pages_newest_first(till: Till) -> None:
    for number in range(7):
        await till.v1.customers.create_async({"name": str(number)})
    page = await till.v1.customers.list_async({"limit": 3})
    assert ([one.name for one in page.data], page.has_more) == (["6", "5", "4"], True)
    assert [one.name async for one in page.auto_paging_iter()] == ["6", "5", "4", "3", "2", "1", "0"]
    back = await till.v1.customers.list_async({"limit": 2, "ending_before": page.data[2].id})
    assert [one.name for one in back.data] == ["6", "5"]


async def test_metadata_is_merged(till: Till) -> None:
    made = await till.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    after = await till.v1.customers.update_async(made.id, {"metadata": {"b": "", "c": "3"}})
    assert after.metadata.to_dict() == {"a": "1", "c": "3"}


@given(st.lists(st.tuples(st.text(alphabet="ab[]0", max_size=12), st.text(max_size=3)), max_size=8))
def test_any_form_is_decoded_or_refused(fields: list[tuple[str, str]]) -> None:
    with contextlib.suppress(ApiError):
        assert isinstance(decode(fields), dict)


def test_nested_brackets() -> None:
    fields = [("items[0][price]", "p"), ("items[1][price]", "q"), ("expand[]", "a"), ("expand[]", "b")]
    wanted = {"items": {"0": {"price": "p"}, "1": {"price": "q"}}, "expand": {"0": "a", "1": "b"}}
    assert decode(fields) == wanted


async def test_objects_have_the_shape_of_stripes_own(till: Till) -> None:
    samples = json.loads(SAMPLES.read_text())["resources"]
    await _live_a_little(till)
    shown = [*till.emulator.account.objects.values(), *till.emulator.events]
    shown += [item for one in till.emulator.account.all("subscription") for item in one["items"]["data"]]
    shown += [line for one in till.emulator.account.all("invoice") for line in one["lines"]["data"]]
    kinds = {one["object"] for one in shown}
    assert {"subscription", "invoice", "checkout.session", "charge", "event", "dispute", "line_item"} <= kinds
    assert [fault for one in shown for fault in _faults(one, samples[one["object"]])] == []


async def _live_a_little(till: Till) -> None:
    bought = await till.bought()
    await till.v1.billing_portal.sessions.create_async({"customer": bought.customer, "return_url": "http://x/"})
    charge = till.emulator.account.all("charge")[0]["id"]
    till.emulator.refund(charge)
    till.emulator.dispute(charge)
    till.emulator.fail_next_payment(bought.customer)
    till.renew(bought.id)
    await till.bought(instrument="debit")


_UNSHOWN = {  # in the samples, but gone, for payments of other kinds, or sent only when expanded
    "invoice": {"subscription"},
    "charge": {"refunds"},
    "payment_method": {"card"},
}


def _faults(one: dict[str, Any], sample: dict[str, Any]) -> list[str]:
    """Fields that Stripe sends and we do not, and values of another type than Stripe's."""
    kind = one["object"]
    gone = sample.keys() - one.keys() - _UNSHOWN.get(kind, set())
    faults = [f"{kind}.{name} is missing" for name in sorted(gone)]
    for name in one.keys() & sample.keys():
        ours, theirs = one[name], sample[name]
        if ours is not None and theirs is not None and type(ours) is not type(theirs):
            faults.append(f"{kind}.{name}: {ours!r} is not like {theirs!r}")
    return faults


def test_a_blank_object_is_nobodys() -> None:
    first, second = blank("customer"), blank("customer")
    first["metadata"]["a"] = "1"
    assert second["metadata"] == {}
