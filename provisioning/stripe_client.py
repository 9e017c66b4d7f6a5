"""Stripe's own package, connected: with a bound on every wait, and one kind of error out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import stripe

from provisioning.stripe_settings import STRIPE_API

SECONDS = 8.0  # for one answer; Stripe itself waits longer for ours
RETRIES = 1


class StripeError(Exception):
    """Stripe refused, or did not answer. ``code`` is Stripe's own; the text is safe to log and to show to admins."""

    def __init__(self, text: str, code: str | None = None, *, passing: bool, status: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.passing = passing
        """Trying again later may help."""
        self.status = status
        """HTTP's; 0 where there was no answer."""


@asynccontextmanager
async def connected(key: str, base: str = STRIPE_API) -> AsyncIterator[stripe.StripeClient]:
    """Stripe's client, as long as the connections are open. Enter it inside the running loop."""
    # A session of our own, for the package would make one without a bound on connections and a timeout as a number.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        yield stripe.StripeClient(
            key,
            http_client=stripe.AIOHTTPClient(timeout=None, session=session),
            max_network_retries=RETRIES,
            base_addresses=None if base == STRIPE_API else {"api": base},
        )


@contextmanager
def failing() -> Iterator[None]:
    """Turn whatever the package raises into `StripeError`."""
    try:
        yield
    except (stripe.APIConnectionError, aiohttp.ClientError, TimeoutError) as error:
        raise StripeError(f"Stripe did not answer ({type(error).__name__})", passing=True) from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        text = error.user_message or type(error).__name__
        passing = status in (409, 429) or status >= 500
        raise StripeError(text, error.code, passing=passing, status=status) from error
