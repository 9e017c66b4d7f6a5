"""Preflight checks of Stripe: the key, the price, the webhook, failed events, tax."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from db.engine import DatabaseUnavailableError
from db.queries.billing import stripe_events
from provisioning.billing.events import ACTED_ON
from provisioning.stripe import account as stripe_account
from provisioning.stripe.account import Endpoint, SeatPrice, StripeAccount, Tax
from provisioning.stripe.client import StripeError
from web.check.result import CheckResult
from web.config import Settings
from web.request.price import Price, with_gst

HOME = "AU"
PATH = "/stripe/webhook"
_MISSING = "resource_missing"

Look = Callable[[StripeAccount], Awaitable[CheckResult]]


async def key(settings: Settings) -> CheckResult:
    """Check the API key, by reading the price."""
    name = "Stripe"
    if not settings.stripe_is_set:
        return CheckResult(name, "is not set up, so nothing is sold", "set STRIPE_SECRET_KEY and STRIPE_PRICE_ID")

    async def look(account: StripeAccount) -> CheckResult:
        try:
            await account.price()
        except StripeError as error:
            if error.code != _MISSING:  # the check `price` reports that
                raise
        mode = "test mode: no money moves" if _is_test(settings) else "live mode"
        return CheckResult(name, f"accepts the key ({mode})")

    return await _looked(name, settings, look)


async def price(settings: Settings) -> CheckResult:
    """Check that the price is monthly, in Australian dollars, and what the public pages say."""
    name = "price"

    async def look(account: StripeAccount) -> CheckResult:
        try:
            return CheckResult(name, *judge_price(await account.price(), settings.seat_price_cents))
        except StripeError as error:
            if error.code != _MISSING:
                raise
            mode = "test mode" if _is_test(settings) else "live mode"
            return CheckResult(
                name, "STRIPE_PRICE_ID does not exist", f"set STRIPE_PRICE_ID to a price that was created in {mode}"
            )

    return await _looked(name, settings, look)


async def webhook(settings: Settings) -> CheckResult:
    """Check that Stripe sends the events we need to our address, and that we can verify them."""
    name = "Stripe webhook"
    if not settings.stripe_webhook_secret.get_secret_value():
        return CheckResult(
            name, "signatures cannot be verified", "set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret"
        )

    async def look(account: StripeAccount) -> CheckResult:
        return CheckResult(name, *judge_endpoints(await account.endpoints(), settings.web_public_url + PATH))

    return await _looked(name, settings, look)


async def tax(settings: Settings) -> CheckResult:
    """Check that Stripe Tax adds GST: Checkout does not open without it."""
    name = "tax"

    async def look(account: StripeAccount) -> CheckResult:
        return CheckResult(name, *judge_tax(await account.tax()))

    return await _looked(name, settings, look)


async def events(settings: Settings) -> CheckResult:
    """Report events that could not be processed. Each organisation's audit log shows its own."""
    name = "Stripe events"
    opened = settings.database("bilby check", pool_size=1)
    try:
        async with opened.begin() as session:
            failed = Counter(await stripe_events.kinds_failed(session))
    except DatabaseUnavailableError:
        return CheckResult(name, "could not be checked", "fix the database first")
    finally:
        await opened.close()
    if not failed:
        return CheckResult(name, "all have been processed")
    listed = ", ".join(f"{count} × {kind}" for kind, count in failed.most_common(3))
    said = f"{failed.total()} could not be processed: {listed}"
    return CheckResult(
        name, said, "see web's log and the audit log for the reason; Stripe sends each event again for three days"
    )


def judge_price(found: SeatPrice, public_cents: int) -> tuple[str, str]:
    """Judge the price. Return what is so and the fix, which is empty if there is nothing to do. Pure."""
    said = f"{found.currency.upper()}, {'paid once' if not found.every else f'every {found.every}'}"
    if not found.is_active:
        return "is archived", "make it active in Stripe, or set STRIPE_PRICE_ID to another"
    if found.currency != "aud" or found.every != "month" or found.cents is None:
        return said, "create a price in AUD with one fixed amount per seat and month, and set STRIPE_PRICE_ID to it"
    if found.includes_tax is None:
        return (
            "does not say whether it includes GST",
            "set the price's tax behaviour in Stripe (it cannot be changed later)",
        )
    whole = Price(found.cents) if found.includes_tax else with_gst(found.cents)
    if whole.cents != public_cents:
        fix = (
            f"set SEAT_PRICE_CENTS to {whole.cents}, or STRIPE_PRICE_ID to a price of {Price(public_cents)} with GST"
        )
        return f"comes to {whole} with GST, but the public pages say {Price(public_cents)}", fix
    return f"{whole} per seat and month, GST included, as on the public pages", ""


def judge_endpoints(found: Sequence[Endpoint], ours: str) -> tuple[str, str]:
    """Judge the account's endpoints, one of which must have the URL ``ours``. Return as `judge_price`. Pure."""
    here = [endpoint for endpoint in found if endpoint.url == ours]
    if not here:
        return f"is missing (the account has {len(found)} others)", f"add an endpoint for {ours}"
    alive = [endpoint for endpoint in here if endpoint.is_enabled]
    if not alive:
        return (
            "is disabled",
            "enable it in Stripe, and find out there why it was disabled: it may have failed for days",
        )
    missing = min((endpoint.lacks(ACTED_ON) for endpoint in alive), key=len)
    if missing:
        return f"does not receive {', '.join(missing)}", "subscribe the endpoint to these events"
    if len(alive) > 1:
        return f"exists {len(alive)} times", "keep only one: each endpoint has its own signing secret"
    return f"receives all {len(ACTED_ON)} kinds of event", ""


def judge_tax(found: Tax) -> tuple[str, str]:
    """Judge the tax settings. Return as `judge_price`. Pure."""
    if not found.is_active:
        lacks = ", ".join(found.lacks).replace("_", " ") or "something"
        return (
            f"is not set up: {lacks} is missing",
            "complete Stripe's tax settings: Checkout does not open without them",
        )
    if HOME not in found.countries:
        return (
            "no registration for GST in Australia is active",
            "add the registration in Stripe's tax settings: GST is not added without it",
        )
    return "settings are active, with a GST registration in Australia", ""


async def _looked(name: str, settings: Settings, look: Look) -> CheckResult:
    """Return the result of ``look``; a `StripeError` becomes a result that needs action."""
    if not settings.stripe_is_set:
        return CheckResult(name, "could not be checked", "fix Stripe first")
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
            name, "cannot be read with this key", "give the restricted key read permission in Stripe's dashboard"
        )
    if error.retryable:
        return CheckResult(name, "does not answer", "check that this host reaches Stripe, and Stripe's status page")
    return CheckResult(name, f"refuses the request (HTTP {error.status})", "see Stripe's request log")


def _is_test(settings: Settings) -> bool:
    return "_test_" in settings.stripe_secret_key.get_secret_value()[:8]
