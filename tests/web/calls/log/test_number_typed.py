"""What is typed to find a number: all of it, its beginning or its end."""

from __future__ import annotations

from typing import get_args

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st

from db.encryption import Keyring
from db.queries.log.number_parts import PREFIX, SUFFIX, End, Part, checked, indexed, keys
from web.calls.log.number_typed import Wanted, wanted
from web.request.errors import InvalidError

KEYRING = Keyring([Fernet.generate_key().decode()])


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("+61 412 345 678", Wanted("+61412345678")),
        ("0412 345 678", Wanted("+61412345678")),
        ("(02) 9876 5432", Wanted("+61298765432")),
        ("1300 123 456", Wanted("+611300123456")),
        ("+44 20 7946 0958", Wanted("+442079460958")),
        ("5678", Wanted(parts=(Part("suffix", "5678"),))),
        ("0412", Wanted(parts=(Part("prefix", "61412"), Part("suffix", "0412")))),
        ("+6141 2", Wanted(parts=(Part("prefix", "61412"),))),
        ("1300 1", Wanted(parts=(Part("prefix", "6113001"), Part("suffix", "13001")))),
        ("61412", Wanted(parts=(Part("prefix", "61412"), Part("suffix", "61412")))),
        ("\u200e04\u20091 2‑3", Wanted(parts=(Part("prefix", "614123"), Part("suffix", "04123")))),
    ],
)
def test_what_is_meant(typed: str, found: Wanted) -> None:
    assert wanted(typed) == found


@pytest.mark.parametrize("typed", ["", "041", "234", "Bob", "0412;", "٠٤١٢", "+", "4" * 41, "+6421"])
def test_too_little_or_no_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidError):
        wanted(typed)


@given(st.text("0123456789", min_size=7, max_size=15), st.data())
def test_every_part_of_a_number_finds_it_and_no_other_does(digits: str, data: st.DataObject) -> None:
    kept = keys(KEYRING, f"+{digits}")
    end: End = data.draw(st.sampled_from(get_args(End)))
    length = data.draw(st.integers(PREFIX if end == "prefix" else SUFFIX, len(digits) - 1))
    cut = digits[:length] if end == "prefix" else digits[-length:]
    for part, holds in ((Part(end, cut), True), (Part(end, _other(cut, end)), False)):
        name, [key] = indexed(KEYRING, part)
        further = checked(KEYRING, part)
        found = getattr(kept, name) == key and (not further or further[0] in kept.part_keys)
        assert found == holds


def _other(cut: str, end: End) -> str:
    """The same part with another digit at its far end."""
    place = -1 if end == "prefix" else 0
    changed = list(cut)
    changed[place] = str((int(changed[place]) + 1) % 10)
    return "".join(changed)
