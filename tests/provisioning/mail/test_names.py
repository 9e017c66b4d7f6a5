"""A name in a mail is never a link, a number to ring or markup, whatever somebody has called themselves."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from provisioning.mail.names import LONGEST, mail_name, salutation


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zoë O'Brien-Smith", "Zoë O'Brien-Smith"),
        ("J. Smith & Sons Pty. Ltd.", "J. Smith & Sons Pty. Ltd."),
        ("Studio 24 (Fitzroy)", "Studio 24 (Fitzroy)"),
        ("évènements 株式会社", "évènements 株式会社"),
        ("evil.example", "evil example"),
        ("evil。example", "evil example"),
        ("evil․example", "evil example"),
        ("https://evil.example/x?y", "https evil example x y"),
        ("mail bob@evil.example", "mail bob evil example"),
        ("ring +61 255 501 234 now", "ring now"),
        ("ring 0255501234", "ring"),
        ("<a href=x>now</a>", "a href x now a"),
        ("a\u202egro.elpmaxe\u200b", "a gro elpmaxe"),
        ("", ""),
    ],
)
def test_a_name_as_a_mail_shows_it(name: str, shown: str) -> None:
    assert mail_name(name) == shown


@given(st.text())
def test_no_name_makes_a_link(name: str) -> None:
    shown = mail_name(name)
    assert len(shown) <= LONGEST
    assert not re.search(r"[/:@<>\\#?=%]|\w\.\w|\d{5}|\n", shown)


@pytest.mark.parametrize(
    ("name", "email", "addressed"),
    [
        ("Zoë", "zoe@numbat.example", "Zoë"),
        ("", "zoe@numbat.example", "zoe@numbat.example"),
        ("", "Zoë <zoe@numbat.example>", "zoe@numbat.example"),
    ],
)
def test_whoever_gave_no_name_is_addressed_by_their_address(name: str, email: str, addressed: str) -> None:
    assert salutation(name, email) == addressed
