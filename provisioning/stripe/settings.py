"""What it takes to ask Stripe: a key, where, and for what price."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from runtime.settings import ProcessSettings, vendor

STRIPE_API = "https://api.stripe.com"


def _stripe(value: str) -> str:
    return vendor(value, STRIPE_API)


class StripeSettings(ProcessSettings):
    """Without a key nothing is sold, and nothing is asked of Stripe: those jobs wait."""

    stripe_secret_key: SecretStr = SecretStr("")
    stripe_price_id: str = ""
    stripe_api_base: Annotated[str, AfterValidator(_stripe)] = STRIPE_API
    release_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """How long an organisation keeps its numbers after the money has ended."""

    @property
    def stripe_is_set(self) -> bool:
        """Whether there is an account to be paid into, and a price."""
        return bool(self.stripe_secret_key.get_secret_value() and self.stripe_price_id)
