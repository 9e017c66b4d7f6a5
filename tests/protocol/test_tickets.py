"""A ticket opens one socket, for a short while, and nothing else."""

from __future__ import annotations

import time

import jwt
import pytest
from hypothesis import given, strategies as st

from protocol.tickets import (
    ConsoleTicket,
    Direction,
    StreamLeg,
    TicketError,
    UsedTickets,
    sign_console,
    sign_stream,
    verify_console,
    verify_stream,
)

SECRET = "s" * 32


def test_a_stream_ticket_says_what_was_signed() -> None:
    ticket = verify_stream(SECRET, sign_stream(SECRET, org="o1", call="CA1", direction="inbound"))
    assert (ticket.org, ticket.call, ticket.direction, ticket.agent) == ("o1", "CA1", "inbound", None)
    assert ticket.exp - time.time() <= 120


@pytest.mark.parametrize(
    ("direction", "on", "expected"),
    [
        ("inbound", None, "customer"),
        ("outbound", None, "agent"),
        ("outbound", "customer", "customer"),
        ("inbound", "agent", "agent"),
    ],
)
def test_a_stream_ticket_says_whose_leg_it_is_on(direction: Direction, on: StreamLeg | None, expected: str) -> None:
    ticket = verify_stream(SECRET, sign_stream(SECRET, org="o", call="c", direction=direction, on=on))
    assert ticket.on == expected


@pytest.mark.parametrize("on", ["supervisor", 7, "", []])
def test_a_stream_ticket_on_no_leg_is_refused(on: object) -> None:
    with pytest.raises(TicketError):
        verify_stream(SECRET, _forge(on=on))


def test_a_console_ticket_says_what_was_signed() -> None:
    ticket = verify_console(SECRET, sign_console(SECRET, org="o1", sub="m1", role="supervisor"))
    assert isinstance(ticket, ConsoleTicket)
    assert (ticket.org, ticket.sub, ticket.role) == ("o1", "m1", "supervisor")
    assert ticket.exp - time.time() <= 60


def test_a_stream_ticket_fits_into_twilios_parameter() -> None:
    token = sign_stream(
        SECRET, org="a" * 36, call="C" * 34, direction="outbound", agent="b" * 36, began=2**41, on="customer"
    )
    assert len("ticket") + len(token) < 500


def test_one_kind_does_not_open_the_other() -> None:
    with pytest.raises(TicketError):
        verify_console(SECRET, sign_stream(SECRET, org="o", call="c", direction="inbound"))
    with pytest.raises(TicketError):
        verify_stream(SECRET, sign_console(SECRET, org="o", sub="m", role="agent"))


def _forge(**claims: object) -> str:
    whole = {"aud": "stream", "org": "o", "call": "c", "dir": "inbound", "jti": "j", "exp": int(time.time()) + 60}
    return jwt.encode({name: value for name, value in (whole | claims).items() if value is not None}, SECRET)


@pytest.mark.parametrize(
    "token",
    [
        None,
        7,
        "",
        "not.a.jwt",
        _forge(exp=int(time.time()) - 60),
        _forge(exp=int(time.time()) + 3600),
        _forge(exp=None),
        _forge(jti=None),
        _forge(jti=""),
        _forge(org=None),
        _forge(dir="sideways"),
        _forge(agent=5),
        jwt.encode({"aud": "stream"}, "another secret of enough length!!"),
        jwt.encode({"aud": "stream", "org": "o", "call": "c", "dir": "inbound", "jti": "j"}, "", algorithm="none"),
    ],
)
def test_what_is_no_ticket_is_refused(token: object) -> None:
    with pytest.raises(TicketError):
        verify_stream(SECRET, token)


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none()))
def test_nothing_but_ticket_errors_leaves(token: object) -> None:
    with pytest.raises(TicketError):
        verify_stream(SECRET, token)


def test_a_ticket_is_spent_once() -> None:
    spent = UsedTickets()
    assert spent.use_once("a", time.time() + 60)
    assert not spent.use_once("a", time.time() + 60)
    assert spent.use_once("b", time.time() + 60)


_STRANGE: st.SearchStrategy[object] = st.sampled_from(
    [10**18, 10**30, -1, 1.5, float("inf"), float("nan"), True, "soon", "\0", "\ud800", "x" * 5000, [], {}, [1], None]
)
_NAMES = st.sampled_from(["exp", "jti", "org", "call", "sub", "dir", "role", "agent", "began", "iat", "until", "nbf"])


@given(st.sampled_from(["stream", "console"]), st.dictionaries(_NAMES, _STRANGE, min_size=1, max_size=3))
def test_claims_that_are_none_of_ours_are_refused_also_under_our_secret(
    kind: str, strange: dict[str, object]
) -> None:
    good = {"aud": kind, "jti": "j1", "org": "o1", "exp": int(time.time()) + 30}
    more = {"call": "CA1", "dir": "inbound"} if kind == "stream" else {"sub": "m1", "role": "agent"}
    token = jwt.encode(good | more | strange, SECRET, algorithm="HS256")
    try:
        ticket = verify_stream(SECRET, token) if kind == "stream" else verify_console(SECRET, token)
    except TicketError:
        return
    for value in (getattr(ticket, name) for name in ticket.__dataclass_fields__):
        assert not isinstance(value, str) or (value.isprintable() and len(value) <= 200)
        assert not isinstance(value, int | float) or 0 <= value <= 2**33 * 1000
