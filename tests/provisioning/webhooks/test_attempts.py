"""What follows from an attempt, and that signatures are what receivers of the standard check."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from db.queries.integrations.webhooks import new_secret
from provisioning.webhooks import signing
from provisioning.webhooks.attempts import OFF_AFTER, PAUSES, WARNED_AFTER, Result, consequence, next_try

NOW = datetime(2026, 11, 29, 4, 30, tzinfo=UTC)
BUSY = Result(503, retry_after=timedelta(hours=1))


def test_as_often_as_the_standard_recommends() -> None:
    failed = Result(500)
    tries = [next_try(failed, attempts, NOW, 0.0) for attempts in range(1, len(PAUSES) + 2)]
    assert [at - NOW for at in tries if at is not None] == list(PAUSES)
    assert tries[-1] is None
    assert next_try(failed, 1, NOW, 1.0) == NOW + PAUSES[0] * 1.2


def test_what_is_taken_or_gone_is_not_tried_again() -> None:
    assert [next_try(Result(status), 1, NOW, 0.0) for status in (200, 204, 299, 410)] == [None] * 4
    assert all(next_try(Result(status), 1, NOW, 0.0) for status in (301, 400, 401, 404, 429, 500))


def test_who_asks_for_time_gets_it() -> None:
    assert next_try(BUSY, 1, NOW, 0.0) == NOW + timedelta(hours=1)
    assert next_try(BUSY, 5, NOW, 0.0) == NOW + PAUSES[4]
    assert next_try(Result(500, retry_after=timedelta(hours=1)), 1, NOW, 0.0) == NOW + PAUSES[0]
    assert next_try(Result(429, retry_after=timedelta(days=99)), 1, NOW, 0.0) == NOW + timedelta(hours=24)


def test_first_a_mail_then_off() -> None:
    failed = Result(error="timeout")
    assert consequence(failed, NOW, None, NOW) is None
    assert consequence(failed, NOW - WARNED_AFTER, None, NOW) == "warn"
    assert consequence(failed, NOW - WARNED_AFTER, NOW, NOW) is None
    assert consequence(failed, NOW - OFF_AFTER, NOW, NOW) == "off"
    assert consequence(Result(410), NOW, None, NOW) == "gone"


def test_receivers_of_the_standard_take_our_signature() -> None:
    new, former, strange = new_secret(), new_secret(), new_secret()
    body = json.dumps({"type": "call.ended"}).encode()
    headers = dict(signing.headers("msg_1", datetime.now(UTC), body, [new, former]))
    for secret in (new, former):
        assert Webhook(secret).verify(body, headers) == {"type": "call.ended"}
    for secret, sent, shown in (
        (strange, body, headers),
        (new, body + b" ", headers),
        (new, body, headers | {"webhook-id": "msg_2"}),
        (new, body, headers | {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(sent, shown)
