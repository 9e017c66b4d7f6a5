"""Twilio's forms as reports: what is understood, and that nothing in a form raises but a missing call."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from db.call_progress import CallReport, DialReport, LegReport
from web.calls.callback_forms import (
    FormError,
    StreamReport,
    call_report,
    call_sid,
    client_identity,
    dial_report,
    leg_report,
    member_id,
    stream_report,
)

NOW = datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)
ALICE = UUID("5f0c6e1e-0a44-4a55-9b6a-6d9a8e1f0001")
CALL = "CA" + "0a" * 16


def test_a_completed_call() -> None:
    form = {"CallStatus": "completed", "CallDuration": "61", "Timestamp": "Fri, 20 Nov 2026 12:00:00 +1100"}
    assert call_report(form, NOW) == CallReport("completed", datetime(2026, 11, 20, 1, tzinfo=UTC), 61)


def test_an_agent_who_answers() -> None:
    form = {"CallStatus": "in-progress", "To": f"client:{ALICE}"}
    assert leg_report(form, NOW) == LegReport("in-progress", NOW, None, ALICE)


def test_a_customer_who_answers_is_no_member() -> None:
    assert leg_report({"CallStatus": "in-progress", "To": "+61293744000"}, NOW) == LegReport("in-progress", NOW)


@pytest.mark.parametrize(("spelled", "status"), [("answered", "completed"), ("no-answer", "no-answer")])
def test_how_a_dial_ended(spelled: str, status: str) -> None:
    report = dial_report({"DialCallStatus": spelled})
    assert isinstance(report, DialReport)
    assert report.status == status


def test_the_streams_events() -> None:
    assert stream_report({"StreamEvent": "stream-started"}) == StreamReport("transcribing")
    assert stream_report({"StreamEvent": "stream-stopped", "StreamError": "x"}) == StreamReport("ended")
    error = {"StreamEvent": "stream-error", "StreamError": "31920\r\nHandshake \x00 refused"}
    assert stream_report(error) == StreamReport("failed", "31920  Handshake   refused")


@pytest.mark.parametrize("status", ["", "lost", "COMPLETED", "transmogrified"])
def test_what_twilio_may_say_one_day_is_no_report(status: str) -> None:
    form = {"CallStatus": status, "DialCallStatus": status, "StreamEvent": status}
    assert call_report(form, NOW) is None
    assert leg_report(form, NOW) is None
    assert dial_report(form) is None
    assert stream_report(form) is None


@pytest.mark.parametrize("sid", ["", "CA", "CA" + "g" * 32, CALL + "0", CALL + "\n", "MZ" + "0a" * 16])
def test_a_form_must_name_its_call(sid: str) -> None:
    with pytest.raises(FormError):
        call_sid({"CallSid": sid})


def test_the_call_of_a_leg_is_its_parent() -> None:
    assert call_sid({"ParentCallSid": CALL}, "ParentCallSid") == CALL


@pytest.mark.parametrize(
    "address",
    [
        "",
        "client:",
        "client:bob",
        "+61293744000",
        ALICE.hex,
        f"sip:{ALICE}",
        f"client:{{{ALICE}}}",
        f"client:{ALICE.hex}0",
    ],
)
def test_only_members_are_members(address: str) -> None:
    assert member_id(address) is None


def test_an_identity_is_letters_and_digits_and_leads_back() -> None:
    """Twilio documents letters, digits and underscore, 121 at most."""
    assert re.fullmatch("[A-Za-z0-9_]{1,121}", client_identity(ALICE))
    assert member_id(f"client:{client_identity(ALICE)}") == ALICE
    assert member_id(f"client:{ALICE}") == ALICE  # from a page of the release before


@given(
    st.dictionaries(
        st.sampled_from(["CallStatus", "CallDuration", "Timestamp", "To", "StreamEvent", "StreamError"]),
        st.text() | st.sampled_from(["completed", "stream-error", "client:", "Mon, 99 Foo 0000 00:00:00 +9999"]),
    )
)
def test_any_form_is_read(form: dict[str, str]) -> None:
    form.setdefault("CallStatus", "completed")
    report = call_report(form, NOW)
    assert report is None or (report.at.tzinfo is not None and (report.duration_s or 0) <= 86400)
    leg_report(form, NOW)
    stream = stream_report(form)
    assert stream is None or stream.reason is None or stream.reason.isprintable()
