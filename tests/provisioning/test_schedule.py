"""What the process does follows from its settings: what is missing leaves its jobs waiting, and nothing else."""

from __future__ import annotations

import pytest

from db.engine import Database
from provisioning.config import Settings
from provisioning.schedule import SWEEPS, open_handlers

STRIPE = {"stripe_secret_key": "sk_test_1", "stripe_price_id": "price_1", "stripe_api_base": "http://127.0.0.1:1"}
MAIL = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "Bilby <bilby@bilby.example>"}
WEB = {"web_public_url": "https://bilby.example"}
TWILIO = {
    "twilio_account_sid": f"AC{'1' * 32}",
    "twilio_api_key_sid": f"SK{'2' * 32}",
    "twilio_api_key_secret": "k" * 32,
    "twilio_api_base": "http://127.0.0.1:1",
}
ALWAYS = {"close_organisation", "tell_standing"}
NUMBERS = {"provision_number", "release_number"}


async def _duties(database: Database, url: str, key: str, **settings: str) -> tuple[set[str], set[str]]:
    """The names of jobs and of sweeps beyond schedule."""
    required = {"database_url": url, "encryption_keys": key}
    async with open_handlers(Settings.model_validate(required | settings), database) as handlers:
        return {*handlers.jobs, *handlers.urgent}, set(handlers.sweeps) - set(SWEEPS) - {"purge_calls"}


async def test_with_everything_all_is_done(database: Database, database_url: str, encryption_key: str) -> None:
    jobs, sweeps = await _duties(database, database_url, encryption_key, **STRIPE, **MAIL, **WEB, **TWILIO)
    assert jobs >= ALWAYS | NUMBERS | {"send_mail", "release_organisation", "stripe_event"}
    assert sweeps == {"remind", "release", "reconcile"}


async def test_calls_are_purged_whatever_is_set(database: Database, database_url: str, encryption_key: str) -> None:
    settings = Settings.model_validate({"database_url": database_url, "encryption_keys": encryption_key})
    async with open_handlers(settings, database) as handlers:
        assert handlers.sweeps.keys() >= {"purge_calls", "forget_events"}


async def test_with_nothing_it_still_starts(database: Database, database_url: str, encryption_key: str) -> None:
    assert await _duties(database, database_url, encryption_key) == (ALWAYS, set())


@pytest.mark.parametrize(
    ("settings", "jobs", "sweeps"),
    [
        (STRIPE, {"release_organisation", "stripe_event"}, {"remind", "release"}),
        (MAIL | WEB, {"send_mail", "send_notice"}, set()),
        (MAIL, set(), set()),  # its mails could not lead anywhere
        (TWILIO, set(), set()),
    ],
)
async def test_each_part_needs_its_own_alone(
    database: Database,
    database_url: str,
    encryption_key: str,
    settings: dict[str, str],
    jobs: set[str],
    sweeps: set[str],
) -> None:
    assert await _duties(database, database_url, encryption_key, **settings) == (ALWAYS | jobs, sweeps)


@pytest.mark.parametrize(("name", "value"), [("smtp_url", "mail.example"), ("mail_from", "nobody")])
def test_what_is_set_wrongly_is_refused(database_url: str, encryption_key: str, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({"database_url": database_url, "encryption_keys": encryption_key, name: value})
