"""The preflight: every check passes on a healthy installation, and each failure names its fix."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from pydantic import ValidationError

from db.base import OrganisationStatus
from db.engine import Database
from db.models import Member
from provisioning.numbers.twilio_config import repair
from provisioning.twilio.numbers_api import opened
from sandbox.stripe.emulator import Stripe, StripeSettings, stripe
from sandbox.twilio.emulator import Number, RestFault, Twilio, TwilioSettings, twilio
from sandbox.twilio.pages.faults import fault
from tests.kit.media.media_node import Node
from tests.kit.vendors.twilio_caller import stands
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import KEY, PRICE, SECRET, stripe_values
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.check import checks as check_checks, own
from web.check.checks import report, results
from web.check.page import LOOKS
from web.check.result import CheckResult
from web.config import Settings

OURS = "+61255501234"
SOUND = {"Twilio", "number sales", "regulatory bundles", "conferences"}  # what a misdirected number leaves as it is


@pytest_asyncio.fixture
async def well(node: Node, settings: Settings, telephone: Twilio, stripe_account: Stripe) -> Settings:
    """Settings under which everything is reachable."""
    await node.connected()
    values = settings.model_dump() | {
        "nats_url": node.nats.url("web"),
        "media_public_url": node.url,
        "twilio_api_base": telephone.url,
        "aws_ai_opt_out": "attested",
        "voice_sdk_url": f"{telephone.url}/voice-sdk.js",
        **stripe_values(stripe_account),
    }
    return Settings.model_validate(values)


@pytest_asyncio.fixture
async def stripe_account(settings: Settings) -> AsyncIterator[Stripe]:
    """A Stripe account whose webhooks lead to us."""
    facts = StripeSettings(KEY, SECRET, PRICE, webhook_url=f"{settings.web_public_url}/stripe/webhook")
    async with stripe(facts) as emulator:
        yield emulator


@pytest_asyncio.fixture
async def telephone(settings: Settings) -> AsyncIterator[Twilio]:
    """An account with one number of ours."""
    facts = TwilioSettings(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_tokens[0].get_secret_value(),
        api_key_sid=settings.twilio_api_key_sid,
        api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
        twiml_app_sid=settings.twilio_twiml_app_sid,
        port=0,
        twiml_app_voice_url=f"{settings.web_public_url}/twilio/voice/outbound",
        numbers=(Number(OURS),),
    )
    async with twilio(facts) as emulator:
        api = Settings.model_validate(settings.model_dump() | {"twilio_api_base": emulator.url})
        async with opened(api) as account:
            await repair(account, Number(OURS).sid, settings.web_public_url)
        yield emulator


def named(found: list[CheckResult]) -> dict[str, CheckResult]:
    return {finding.name: finding for finding in found}


async def test_all_is_well(well: Settings) -> None:
    found = await results(well)
    assert [finding for finding in found if not finding.good] == []
    assert set(named(found)) == set(check_checks.CHECKS)
    assert [line.split("  ")[0] for line in report(found).splitlines()] == ["OK"] * len(found)


async def test_each_failure_names_its_fix(well: Settings, telephone: Twilio, free_port: Callable[[], int]) -> None:
    nobody = free_port()
    telephone.exchange.set_number(OURS, voice_url="https://elsewhere.example/voice")
    telephone.exchange.app_voice_url = "https://elsewhere.example/voice"
    broken = well.model_dump() | {
        "database_url": f"postgresql+asyncpg://x:y@127.0.0.1:{nobody}/z",
        "nats_url": f"nats://web:wrong@127.0.0.1:{nobody}",
        "media_public_url": f"ws://127.0.0.1:{nobody}",
        "smtp_url": f"smtp://127.0.0.1:{nobody}",
        "aws_ai_opt_out": "",
        "live_translation": "on",
        "stripe_api_base": f"http://127.0.0.1:{nobody}",
        "stripe_webhook_secret": "",
    }
    found = named(await results(Settings.model_validate(broken)))
    assert {name for name, finding in found.items() if not finding.good} == set(check_checks.CHECKS) - {
        "regions",
        *SOUND,
    }
    assert "DATABASE_URL" in found["database"].fix
    assert "NATS_URL" in found["NATS"].fix
    assert "/twilio/voice/inbound" in found["numbers"].fix
    assert "+612" not in report(list(found.values()))


async def test_a_key_that_twilio_does_not_know(well: Settings) -> None:
    wrong = Settings.model_validate(well.model_dump() | {"twilio_api_key_secret": "not the secret"})
    finding = await check_checks.look("Twilio", wrong)
    assert not finding.good
    assert "au1" in finding.fix
    assert "Standard" in finding.fix


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"voice_url": "https://elsewhere.example/voice"}, "point here"),
        ({"voice_fallback_url": ""}, "fallback"),
        ({"voice_fallback_method": "GET"}, "fallback"),
        ({"status_callback": ""}, "status callbacks"),
    ],
)
async def test_a_number_that_stands_otherwise_is_named_by_its_sid(
    well: Settings, telephone: Twilio, changes: dict[str, str], word: str
) -> None:
    telephone.exchange.set_number(OURS, **changes)
    finding = await check_checks.look("numbers", well)
    assert finding.fix
    assert word in finding.said
    assert Number(OURS).sid in finding.said


@pytest.mark.parametrize("region", [None, "us1", "ie1"])
async def test_a_number_processed_abroad_fails(well: Settings, telephone: Twilio, region: str | None) -> None:
    if region is None:
        del telephone.registry.routes[OURS]  # Twilio's default is us1
    else:
        telephone.registry.routes[OURS]["voice_region"] = region
    finding = await check_checks.look("numbers", well)
    assert finding.fix
    assert (region or "us1") in finding.said


async def test_overrides_of_a_url_are_no_fault(well: Settings, telephone: Twilio) -> None:
    telephone.exchange.set_number(OURS, voice_url=f"{well.web_public_url}/twilio/voice/inbound#e=singapore")
    assert (await check_checks.look("numbers", well)).good


@pytest.mark.parametrize(("routing", "fails", "good"), [("dial", 1, True), ("rooms", 0, True), ("rooms", 1, False)])
async def test_conferences_must_be_usable_where_calls_are_rooms(
    well: Settings, telephone: Twilio, routing: str, fails: int, good: bool
) -> None:
    faults = [RestFault("GET", "/Conferences", status=403, code=20003)] * fails
    telephone.registry.faults.extend(faults)
    finding = await check_checks.look("conferences", well.model_copy(update={"call_routing": routing}))
    assert finding.good == good


async def test_where_numbers_are_not_sold_the_setting_to_change_is_named(well: Settings, telephone: Twilio) -> None:
    telephone.registry.faults.append(fault("search", "realm", 1, 0))
    finding = await check_checks.look("number sales", well)
    assert "TWILIO_PURCHASE_BASE" in finding.fix
    assert (await check_checks.look("number sales", well)).good


async def test_a_bus_that_lets_web_hear_is_found_out(well: Settings, node: Node) -> None:
    """Web signed in as media: the server denies it nothing."""
    open_ = Settings.model_validate(well.model_dump() | {"nats_url": node.nats.url("media")})
    finding = await check_checks.nats(open_)
    assert {*re.findall(r"[a-z]+\.>", finding.said)} == {"transcript.>", "snapshot.>", "ticket.>"}
    assert "nats.conf" in finding.fix


async def test_other_admins_see_checks_of_their_own_things_alone(browser: Callable[[], Browser], cast: Cast) -> None:
    charlie = await browser().sign_in(cast.charlie)
    page = await (await charlie.get("/check")).text()
    answered = [json.loads(line) for line in (await (await charlie.get("/check/findings")).text()).splitlines()]
    now = await (await charlie.get("/check?now=1")).text()
    assert [finding["name"] for finding in answered if finding["name"] not in own.CHECKS] == []
    assert {finding["name"] for finding in answered} == set(own.CHECKS)
    for text in (page, now, json.dumps(answered)):
        assert not [name for name in set(check_checks.CHECKS) - set(own.CHECKS) if f'data-name="{name}"' in text]
        assert not re.search(r"PN[0-9a-f]{32}|TWILIO_|NATS|Stripe key|DATABASE", text)


@pytest.mark.parametrize("status", ["incomplete", "cancelled"])
async def test_who_has_not_paid_sees_nothing_of_the_platform(
    browser: Callable[[], Browser], cast: Cast, database: Database, status: OrganisationStatus
) -> None:
    await stands(database, cast.b, status=status)
    charlie = await browser().sign_in(cast.charlie)
    answered = [json.loads(line) for line in (await (await charlie.get("/check/findings")).text()).splitlines()]
    assert {finding["name"] for finding in answered} == set(own.CHECKS)
    assert named([CheckResult(**finding) for finding in answered])["subscription"].fix


async def test_an_operators_address_counts_in_any_letters(settings: Settings) -> None:
    known = Settings.model_validate(settings.model_dump() | {"operator_emails": "Ops@Bilby.example, b@c.example"})
    assert known.operator_emails == ("ops@bilby.example", "b@c.example")
    with pytest.raises(ValidationError):
        Settings.model_validate(settings.model_dump() | {"operator_emails": "nobody"})


async def test_an_operators_address_counts_in_any_spelling(
    settings: Settings, browser: Callable[[], Browser], cast: Cast, database: Database
) -> None:
    """It opens nothing: their own page shows the way to the operators' alone."""
    known = Settings.model_validate(settings.model_dump() | {"operator_emails": "ops@BÜCHER.example, b＠c.example"})
    assert known.operator_emails == ("ops@xn--bcher-kva.example", "b@c.example")
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    async with database.begin() as session:
        member = await session.get(Member, cast.alice.id)
        assert member is not None
        member.email = "alice@ＡＣＡＣＩＡ.example"
    page = await (await alice.get("/check")).text()
    assert set(re.findall('data-name="([^"]+)"', page)) == set(own.CHECKS)
    assert "/operator/preflight" in page
    assert (await alice.get("/operator/preflight/findings")).status == 303
    assert "/operator/preflight" not in await (await charlie.get("/check")).text()


async def test_admins_see_the_findings_and_agents_do_not(browser: Callable[[], Browser], cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/check?now=1")).text()
    bad, good = page.count('data-good="no"'), page.count('data-good="yes"')
    assert (bad > 0, bad + good) == (True, len(own.CHECKS))
    bob = await browser().sign_in(cast.bob)
    for path in ("/check", "/check?now=1", "/check/findings"):
        assert (await bob.get(path)).status == 403


async def test_each_finding_is_told_as_soon_as_it_is_there(browser: Callable[[], Browser], cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/check")).text()
    answered = [json.loads(line) for line in (await (await alice.get("/check/findings")).text()).splitlines()]
    assert {finding["name"] for finding in answered} == set(own.CHECKS)
    assert all(f'data-name="{finding["name"]}"' in page for finding in answered)


async def test_looking_too_often_waits(browser: Callable[[], Browser], cast: Cast, database: Database) -> None:
    await use_up(database, LOOKS, cast.alice.id, leave=1)
    alice = await browser().sign_in(cast.alice)
    answers = [await alice.get("/check/findings") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert int(answers[1].headers["Retry-After"]) > 0


async def test_a_check_that_breaks_hides_no_other(well: Settings) -> None:
    async def broken(_: Settings) -> CheckResult:
        raise KeyError("that")

    found = named(await results(well, {**check_checks.CHECKS, "regions": broken}))
    assert (found["regions"].good, "KeyError" in found["regions"].said) == (False, True)
    assert found["database"].good
