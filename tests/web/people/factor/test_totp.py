"""The codes are those of RFC 6238; none is taken twice, none from far away; the picture reads as what it is of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from web.people.factor import totp

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the RFC's own, in base32
AT = datetime.fromtimestamp(1111111109, UTC)


def test_it_is_the_code_of_the_rfc() -> None:
    assert totp.step_of(SECRET, "081804", AT, None) == 1111111109 // 30


@pytest.mark.parametrize("typed", ["", "81804", "0818040", "081 804", "٠٨١٨٠٤", "abcdef", "081805"])
def test_anything_else_is_not(typed: str) -> None:
    assert totp.step_of(SECRET, typed, AT, None) is None


@pytest.mark.parametrize(("off", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_off_by_one_step(off: int, is_taken: bool) -> None:
    code = pyotp.TOTP(SECRET).at(AT + timedelta(seconds=off))
    assert (totp.step_of(SECRET, code, AT, None) is not None) == is_taken


def test_a_code_is_taken_once_and_none_before_it() -> None:
    now = 1111111109 // 30
    before, code, after = (pyotp.TOTP(SECRET).generate_otp(now + each) for each in (-1, 0, 1))
    assert totp.step_of(SECRET, code, AT, now) is None
    assert totp.step_of(SECRET, before, AT, now) is None
    assert totp.step_of(SECRET, after, AT, now) == now + 1


def test_the_app_is_told_whose_secret_it_is() -> None:
    told = urlsplit(totp.address(SECRET, "alice@acacia.example"))
    assert (told.scheme, told.netloc) == ("otpauth", "totp")
    assert parse_qs(told.query)["secret"] == [SECRET]


def test_a_secret_has_160_bits() -> None:
    assert len({totp.new_secret() for _ in range(50)}) == 50
    assert len(totp.new_secret()) * 5 >= 160


def test_the_picture_is_dark_where_the_code_is() -> None:
    width, path = totp.picture(totp.address(SECRET, "alice@acacia.example"))
    dark = {tuple(map(int, each.split("h")[0].split())) for each in path.split("M")[1:]}
    finder = {(x, y) for x, y in dark if x < 11 and y < 11}
    assert {(4 + at, 4) for at in range(7)} <= finder  # the upper edge of the corner that readers look for
    assert (4 + 7, 4) not in dark  # and the light line around it
    assert all(4 <= x < width - 4 and 4 <= y < width - 4 for x, y in dark)
