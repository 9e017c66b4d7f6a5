"""Cards, tax file numbers and Medicare numbers are told from other numbers by their check digits."""

from __future__ import annotations

import pytest

from media.words.protected_numbers import is_card, is_medicare_number, is_tax_file_number, protected
from media.words.spoken_digits import mask, scan

# The card schemes' published test numbers.
CARDS = [
    *("4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100"),
    *("2223003122003222", "378282246310005", "371449635398431", "30569309025904", "38520000023237"),
    *("6011111111111117", "3530111333300000", "6304000000000000", "6205500000000000004", "4000000000000000006"),
]


def readable(text: str) -> str:
    """Return ``text`` with what is protected in it masked."""
    return mask(text, [run.groups[at] for run in scan(text).runs for at in protected(run.groups)])


@pytest.mark.parametrize("card", CARDS)
def test_cards_of_every_scheme(card: str) -> None:
    assert is_card(card)
    last = str((int(card[-1]) + 1) % 10)
    assert not is_card(card[:-1] + last)
    assert not any(character.isdigit() for character in readable(card))
    assert not any(character.isdigit() for character in readable(" ".join(card)))


@pytest.mark.parametrize("length", [12, 20])
def test_no_card_is_shorter_than_13_digits_or_longer_than_19(length: int) -> None:
    assert not is_card("0" * length)


def test_tax_file_numbers_and_medicare_numbers() -> None:
    assert is_tax_file_number("123456782")  # the ATO's example
    assert not is_tax_file_number("123456789")
    assert is_medicare_number("2123456701")
    assert is_medicare_number("21234567011")
    assert not is_medicare_number("2123456711")  # check digit
    assert not is_medicare_number("2123456700")  # no issue has number 0
    assert not is_medicare_number("7123456701")  # begins with 2 to 6


@pytest.mark.parametrize(
    "text",
    [
        "my tax file number is 123 456 782",
        "one two three, four five six, seven eight two",
        "medicare 2123 45670 1 please",
        "card 4111 1111 1111 1111 expiry 12 26",
        "four one one one one one one one one one one one one one one one",
        "double four double four, quadruple four triple four 4 444 8",
    ],
)
def test_protected_numbers_are_masked_wherever_they_stand(text: str) -> None:
    masked = readable(text)
    assert "•" in masked
    assert "4111 1111" not in masked
    assert "456" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "call 0412 345 678 or 02 9876 5432 or 1300 123 456 or +61 412 345 678",
        "0412 345 678 and then 0413 222 333",
        "oh four one two three four five six seven eight",
        "order 4111 1111 1111 1112",  # Luhn says no
        "postcode 2000 and the year 2026",
    ],
)
def test_other_numbers_stay_readable(text: str) -> None:
    assert readable(text) == text


def test_a_card_is_found_with_its_expiry_and_code_in_one_breath() -> None:
    assert readable("4111 1111 1111 1111 12 26 123").startswith("•••• •••• •••• ••••")
    assert readable("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 2 6").startswith(" ".join("•" * 16))
