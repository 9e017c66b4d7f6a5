"""The preflight's look at Stripe: the key, the price, the webhooks and what came of them, tax."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from db.engine import DatabaseUnavailableError
from db.queries import stripe_events
from provisioning.billing.events import ACTED_ON
from provisioning.stripe import account as stripe_account
from provisioning.stripe.account import Endpoint, SeatPrice, StripeAccount, Tax
from provisioning.stripe.client import StripeError
from web.check.finding import CheckResult
from web.config import Settings
from web.request.price import Price, with_gst

HOME = "AU"
PATH = "/stripe/webhook"
_MISSING = "resource_missing"

Look = Callable[[StripeAccount], Awaitable[CheckResult]]


async def key(settings: Settings) -> CheckResult:
    """Whether Stripe lets us in, by asking for what we sell."""
    name = "Stripe"
    if not settings.stripe_is_set:
        return CheckResult(name, "is not set up: nothing is sold", "set STRIPE_SECRET_KEY and STRIPE_PRICE_ID")

    async def look(account: StripeAccount) -> CheckResult:
        try:
            await account.price()
        except StripeError as error:
            if error.code != _MISSING:  # that one is `price`'s to say
                raise
        mode = "test mode: no money moves" if _is_test(settings) else "live mode"
        return CheckResult(name, f"takes the key ({mode})")

    return await _looked(name, settings, look)


async def price(settings: Settings) -> CheckResult:
    """Whether a seat is sold by the month, in Australian dollars, for what the public pages say."""
    name = "price"

    async def look(account: StripeAccount) -> CheckResult:
        try:
            return CheckResult(name, *judge_price(await account.price(), settings.seat_price_cents))
        except StripeError as error:
            if error.code != _MISSING:
                raise
            mode = "test mode" if _is_test(settings) else "live mode"
            return CheckResult(
                name, "there is none of that id", f"set STRIPE_PRICE_ID to one that was made in {mode}"
            )

    return await _looked(name, settings, look)


async def webhook(settings: Settings) -> CheckResult:
    """Whether Stripe tells us what happens, at our own address and with a signature."""
    name = "Stripe webhook"
    if not settings.stripe_webhook_secret.get_secret_value():
        return CheckResult(name, "cannot be believed", "set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret")

    async def look(account: StripeAccount) -> CheckResult:
        return CheckResult(name, *judge_endpoints(await account.endpoints(), settings.web_public_url + PATH))

    return await _looked(name, settings, look)


async def tax(settings: Settings) -> CheckResult:
    """Whether GST is reckoned up: without that, no Checkout opens."""
    name = "tax"

    async def look(account: StripeAccount) -> CheckResult:
        return CheckResult(name, *judge_tax(await account.tax()))

    return await _looked(name, settings, look)


async def events(settings: Settings) -> CheckResult:
    """What Stripe has told us and we could not act on. Each organisation's audit log says more about its own."""
    name = "Stripe events"
    opened = settings.database("bilby check", pool_size=1)
    try:
        async with opened.begin() as session:
            failed = Counter(await stripe_events.kinds_failed(session))
    except DatabaseUnavailableError:
        return CheckResult(name, "could not be looked up", "mend the database first")
    finally:
        await opened.close()
    if not failed:
        return CheckResult(name, "none waits to be acted on")
    listed = ", ".join(f"{count} × {kind}" for kind, count in failed.most_common(3))
    said = f"{failed.total()} could not be acted on: {listed}"
    return CheckResult(name, said, "see web's log and the audit log for why; Stripe sends each again for three days")


def judge_price(found: SeatPrice, public_cents: int) -> tuple[str, str]:
    """What is to be said of the price, and how it is mended. Pure."""
    said = f"{found.currency.upper()}, {'paid once' if not found.every else f'every {found.every}'}"
    if not found.is_active:
        return "is archived", "make it active in Stripe, or set STRIPE_PRICE_ID to another"
    if found.currency != "aud" or found.every != "month" or found.cents is None:
        return said, "make a price in AUD, of one amount for each seat and month, and set STRIPE_PRICE_ID to it"
    if found.includes_tax is None:
        return "does not say whether GST is in it", "set the price's tax behaviour in Stripe: it can be said once"
    whole = Price(found.cents) if found.includes_tax else with_gst(found.cents)
    if whole.cents != public_cents:
        mend = f"set SEAT_PRICE_CENTS to {whole.cents}, or STRIPE_PRICE_ID to a price that comes to the other"
        return f"comes to {whole} with GST, and the public pages say {Price(public_cents)}", mend
    return f"{whole} a seat and month, GST included, as the public pages say", ""


def judge_endpoints(found: Sequence[Endpoint], ours: str) -> tuple[str, str]:
    """What is to be said of the account's endpoints, the one that should be there being ``ours``. Pure."""
    here = [endpoint for endpoint in found if endpoint.url == ours]
    if not here:
        return f"does not lead here (the account has {len(found)})", f"add an endpoint for {ours}"
    alive = [endpoint for endpoint in here if endpoint.is_enabled]
    if not alive:
        return "is disabled", "enable it in Stripe, and look there why it was: it may have failed for days"
    missing = min((endpoint.lacks(ACTED_ON) for endpoint in alive), key=len)
    if missing:
        return f"is not told of {', '.join(missing)}", "subscribe the endpoint to these events"
    if len(alive) > 1:
        return f"leads here {len(alive)} times", "keep one endpoint: each has a signing secret of its own"
    return f"leads here, with all {len(ACTED_ON)} kinds of event", ""


def judge_tax(found: Tax) -> tuple[str, str]:
    """What is to be said of tax, and how it is mended. Pure."""
    if not found.is_active:
        lacks = ", ".join(found.lacks).replace("_", " ") or "something"
        return f"is not set up: {lacks} is missing", "finish Stripe's tax settings: until then no Checkout opens"
    if HOME not in found.countries:
        return (
            "no registration for GST in Australia is active",
            "register in Stripe's tax settings, or no GST is added",
        )
    return "settings are active, and GST in Australia is registered", ""


async def _looked(name: str, settings: Settings, look: Look) -> CheckResult:
    """What ``look`` finds; or why Stripe could not be asked."""
    if not settings.stripe_is_set:
        return CheckResult(name, "could not be looked up", "mend Stripe first")
    try:
        async with stripe_account.opened(settings) as account:
            return await look(account)
    except StripeError as error:
        return _refused(name, error)


def _refused(name: str, error: StripeError) -> CheckResult:
    if error.status == 401:
        return CheckResult(
            name, "refuses the key", "set STRIPE_SECRET_KEY to a key that has not been rolled or revoked"
        )
    if error.status == 403:
        return CheckResult(
            name, "may not be read with this key", "let the restricted key read it, in Stripe's dashboard"
        )
    if error.retryable:
        return CheckResult(name, "does not answer", "check that this host reaches Stripe, and Stripe's status page")
    return CheckResult(name, f"refuses the question (HTTP {error.status})", "see Stripe's log of requests")


def _is_test(settings: Settings) -> bool:
    return "_test_" in settings.stripe_secret_key.get_secret_value()[:8]
