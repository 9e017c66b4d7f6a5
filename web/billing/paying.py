"""What checkout and billing share: who may, and what is said when Stripe refuses or does not answer."""

from __future__ import annotations

import structlog
from aiohttp import web

from provisioning.stripe.api import StripeError
from web.request import access, keys
from web.request.access import Viewer
from web.request.errors import ForbiddenError, UnavailableError

_NOT_YOURS = "Paying is for owners of your organisation. Ask one of them."
_CLOSED = "Paying is not open yet. Nothing is charged."
_SILENT = "Stripe, who takes the payments, does not answer just now. Please try again in a moment."

_log = structlog.get_logger(__name__)


async def payer(request: web.Request) -> Viewer:
    """Who asks, and sees to the money. Raises `ForbiddenError`, and `UnavailableError` where nothing is sold."""
    try:
        viewer = await access.require(request, "billing")
    except ForbiddenError as error:
        asker = await access.current(request)
        raise error if asker is None or asker.may("billing") else ForbiddenError(_NOT_YOURS) from None
    if not request.app[keys.settings].stripe_is_set:
        raise UnavailableError(_CLOSED)
    return viewer


def refused(error: StripeError) -> str:
    """What to tell who pays."""
    _log.warning("stripe refused", error=str(error), code=error.code)
    return _SILENT if error.retryable else f"Stripe, who takes the payments, did not accept this: {error}"
