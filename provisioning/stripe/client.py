"""Stripe's own package, connected: with a bound on every wait, and one kind of error out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import stripe

from db.engine import refuse_in_transaction
from provisioning.stripe.settings import STRIPE_API

SECONDS = 8.0  # for one answer; Stripe itself waits longer for ours
RETRIES = 1


class StripeError(Exception):
    """Stripe refused, or did not answer. ``code`` is Stripe's own; the text is safe to log and to show to admins."""

    def __init__(
        self, text: str, code: str | None = None, *, retryable: bool, status: int = 0, param: str | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.param = param
        """Which parameter Stripe objects to, if it says so."""
        self.retryable = retryable
        """Whether the same request may succeed later, once Stripe or the operator has repaired something."""
        self.status = status
        """HTTP's; 0 where there was no answer."""

    @property
    def is_customer_gone(self) -> bool:
        """Whether the customer we named is none of this account's: deleted, or made under the other mode's key.

        Stripe's texts are "No such customer: 'cus_…'" and the same with "; a similar object exists in test mode,
        but a live mode key was used to make this request." Code and parameter are the same for both.
        """
        return self.code == "resource_missing" and (self.param == "customer" or "No such customer" in str(self))


class _HttpClient(stripe.AIOHTTPClient):
    """Stripe's HTTP client, which refuses to be asked while a database transaction is open."""

    async def request_async(self, *args: Any, **options: Any) -> Any:
        refuse_in_transaction("Stripe")
        return await super().request_async(*args, **options)


@asynccontextmanager
async def connected(key: str, base: str = STRIPE_API) -> AsyncIterator[stripe.StripeClient]:
    """Open a client of Stripe's for as long as the block lasts. Enter it inside the running loop."""
    # A session of our own, for the package would make one without a bound on connections and a timeout as a number.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        yield stripe.StripeClient(
            key,
            http_client=_HttpClient(timeout=None, session=session),
            max_network_retries=RETRIES,
            base_addresses=None if base == STRIPE_API else {"api": base},
        )


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn whatever the package raises into `StripeError`."""
    try:
        yield
    except (stripe.APIConnectionError, aiohttp.ClientError, TimeoutError) as error:
        raise StripeError(f"Stripe did not answer ({type(error).__name__})", retryable=True) from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        text = error.user_message or type(error).__name__
        retryable = status in (401, 403, 409, 429) or status >= 500  # 401, 403: our key, for the operator to set
        param = getattr(error, "param", None)
        raise StripeError(text, error.code, retryable=retryable, status=status, param=param) from error
