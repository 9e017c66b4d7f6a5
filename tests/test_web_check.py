"""The preflight: well where all is well, and for each thing that is not, how to mend it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from sandbox.stripe import Stripe, StripeSettings, stripe
from sandbox.twilio import Number, Twilio, TwilioSettings, twilio
from tests.cast import Cast
from tests.node import Node
from tests.shop import KEY, PRICE, SECRET, stripe_values
from tests.site import Browser
from web import check
from web.check import findings, report
from web.config import Settings
from web.finding import Finding


@pytest_asyncio.fixture
async def well(node: Node, settings: Settings, telephone: Twilio, till: Stripe) -> Settings:
    """Settings under which everything is reachable."""
    await node.connected()
    values = settings.model_dump() | {
        "nats_url": node.nats.url("web"),
        "media_public_url": node.url,
        "twilio_api_base": telephone.url,
        "aws_ai_opt_out": "attested",
        **stripe_values(till),
    }
    return Settings.model_validate(values)


@pytest_asyncio.fixture
async def till(settings: Settings) -> AsyncIterator[Stripe]:
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
        numbers=(Number("+61255501234", voice_url=f"{settings.web_public_url}/twilio/voice/inbound"),),
    )
    async with twilio(facts) as emulator:
        yield emulator


def named(found: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in found}


async def test_all_is_well(well: Settings) -> None:
    found = await findings(well)
    assert [finding for finding in found if not finding.good] == []
    assert set(named(found)) == set(check.CHECKS)
    assert report(found).count("ok    ") == len(found)


async def test_each_thing_that_is_wrong_says_how_to_mend_it(
    well: Settings, telephone: Twilio, free_port: Callable[[], int]
) -> None:
    nobody = free_port()
    telephone.exchange.set_number("+61255501234", voice_url="https://elsewhere.example/voice")
    broken = well.model_dump() | {
        "database_url": f"postgresql+asyncpg://x:y@127.0.0.1:{nobody}/z",
        "nats_url": f"nats://web:wrong@127.0.0.1:{nobody}",
        "media_public_url": f"ws://127.0.0.1:{nobody}",
        "smtp_url": f"smtp://127.0.0.1:{nobody}",
        "aws_ai_opt_out": "",
        "stripe_api_base": f"http://127.0.0.1:{nobody}",
        "stripe_webhook_secret": "",
    }
    found = named(await findings(Settings.model_validate(broken)))
    assert {name for name, finding in found.items() if not finding.good} == set(check.CHECKS) - {"regions", "Twilio"}
    assert "DATABASE_URL" in found["database"].mend
    assert "NATS_URL" in found["NATS"].mend
    assert "/twilio/voice/inbound" in found["numbers"].mend
    assert "+612" not in report(list(found.values()))


async def test_a_key_that_twilio_does_not_know(well: Settings) -> None:
    wrong = Settings.model_validate(well.model_dump() | {"twilio_api_key_secret": "not the secret"})
    finding = await check.twilio(wrong)
    assert not finding.good
    assert "au1" in finding.mend


async def test_a_bus_that_lets_web_hear_is_found_out(well: Settings, node: Node) -> None:
    """Web signed in as media: the server denies it nothing."""
    open_ = Settings.model_validate(well.model_dump() | {"nats_url": node.nats.url("media")})
    finding = await check.nats(open_)
    assert "lets web subscribe" in finding.said
    assert "nats.conf" in finding.mend


async def test_admins_see_the_findings_and_agents_do_not(browser: Callable[[], Browser], cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await alice.get("/check")
    assert page.status == 200
    assert "Preflight" in await page.text()
    bob = await browser().sign_in(cast.bob)
    assert (await bob.get("/check")).status == 403
