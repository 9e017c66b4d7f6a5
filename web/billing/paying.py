"""Shared by checkout and billing: the permission to pay, and the sentence for a Stripe error."""

from __future__ import annotations

import structlog
from aiohttp import web

from provisioning.stripe.api import StripeError
from web.config import SETTINGS
from web.request import access
from web.request.access import Viewer
from web.request.errors import ForbiddenError, UnavailableError

_NOT_YOURS = "Only owners of your organisation can pay. Ask one of them."
_CLOSED = "Payment is not available yet. Nothing is charged."
_SILENT = "Stripe, our payment provider, does not answer right now. Please try again in a moment."

_log = structlog.get_logger(__name__)


async def payer(request: web.Request) -> Viewer:
    """Return the viewer, who may pay. Raises `ForbiddenError`, or `UnavailableError` if Stripe is not set up."""
    try:
        viewer = await access.require(request, "billing")
    except ForbiddenError as error:
        asker = await access.current(request)
        raise error if asker is None or asker.may("billing") else ForbiddenError(_NOT_YOURS) from None
    if not request.app[SETTINGS].stripe_is_set:
        raise UnavailableError(_CLOSED)
    return viewer


def refused(error: StripeError) -> str:
    """Log ``error`` and return the sentence for the owner."""
    _log.warning("stripe refused", error=str(error), code=error.code)
    return _SILENT if error.retryable else f"Stripe, our payment provider, did not accept this: {error}"
