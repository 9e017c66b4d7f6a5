"""What only the emulator itself can show of its numbers and bundles: it keeps them, and fails when it is told to."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provisioning.twilio.numbers_api import TwilioError, opened
from sandbox.twilio.emulator import Number, Registry, RestFault
from sandbox.twilio.rest.numbers import LOCALITIES, locality_of, numbers, pattern
from tests.kit.vendors.twilio_account import ADDRESS, BUNDLE, account

BOUGHT = "+61255500000"
SEEDED = "+61255501234"


async def test_what_was_bought_outlives_the_emulator(tmp_path: Path) -> None:
    kept = tmp_path / "twilio.json"
    async with account(Number(SEEDED), registry=Registry(kept)) as place, opened(place.settings) as api:
        await api.buy(BOUGHT, "bilby:1", BUNDLE, ADDRESS)
        await api.route(BOUGHT)
    async with account(Number(SEEDED, voice_url="https://new.example"), registry=Registry(kept)) as place:
        assert place.numbers[BOUGHT].friendly_name == "bilby:1"
        assert place.registry.routes[BOUGHT]["voice_region"] == "au1"
        assert place.numbers[SEEDED].voice_url == "https://new.example"  # what is given now wins


async def test_buying_again_changes_or_is_refused() -> None:
    async with account() as place, opened(place.settings) as api:
        first = await api.buy(BOUGHT, "bilby:1", BUNDLE, ADDRESS)
        second = await api.buy(BOUGHT, "bilby:2", BUNDLE, ADDRESS)
        assert (second.sid, second.tag) == (first.sid, "bilby:2")  # stolen: the trap there is
        place.registry.owned_again = "refuse"
        with pytest.raises(TwilioError) as refused:
            await api.buy(BOUGHT, "bilby:3", BUNDLE, ADDRESS)
        assert refused.value.code == 21422


@pytest.mark.parametrize(("does", "done"), [("fails", False), ("answer lost", True)])
async def test_a_fault_happens_as_often_as_told(does: str, done: bool) -> None:
    async with account() as place, opened(place.settings) as api:
        fault = RestFault("POST", "/IncomingPhoneNumbers", does)  # type: ignore[arg-type]
        place.registry.faults.append(fault)
        with pytest.raises(TwilioError):
            await api.buy(BOUGHT, "bilby:1", BUNDLE, ADDRESS)
        assert (BOUGHT in place.numbers) is done
        assert fault.reached.is_set()
        assert (await api.buy(BOUGHT, "bilby:1", BUNDLE, ADDRESS)).e164 == BOUGHT


def test_every_number_is_somewhere_and_once() -> None:
    for place in LOCALITIES:
        mine = list(numbers(place))
        assert len(set(mine)) == len(mine) == 10_000
        assert locality_of(mine[-1]) == place
    assert locality_of("+61293744000") is None


@given(st.text(alphabet="0123456789*%+$abz", max_size=20))
def test_a_pattern_is_one_or_is_refused(contains: str) -> None:
    with contextlib.suppress(ValueError):
        pattern(contains).search("+61255501234")
