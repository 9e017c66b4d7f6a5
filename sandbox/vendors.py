"""``python -m sandbox.vendors``: the vendors, in one process apart from the product's.

Everything is given by `sandbox.config`: the same secrets and URLs the product's processes are given. The post
office opens last, so that its page answers when everything does.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

import uvloop

from runtime import logs, signals
from sandbox.config import HOST, Secrets, Settings
from sandbox.identity.emulator import identity
from sandbox.mail import post_office
from sandbox.recognition.choice import Choice, hearing, recogniser
from sandbox.recognition.recogniser import RecogniserError
from sandbox.stripe.emulator import StripeSettings, stripe
from sandbox.transcribe.emulator import transcribe
from sandbox.transcribe.json_api import json_services
from sandbox.transcribe.request import Vocabulary
from sandbox.twilio.emulator import Registry, TwilioSettings, twilio

VOCABULARIES = {"demo": Vocabulary("en-AU"), "in-the-making": Vocabulary("en-AU", "PENDING")}
"""The custom vocabularies of the emulated account. They change nothing in what is heard."""
REVIEW_SECONDS = 3.0  # that the emulated Twilio takes over regulatory bundles; the real one takes days


@contextlib.asynccontextmanager
async def vendors(settings: Settings, kept: Secrets) -> AsyncIterator[None]:
    """Yield every vendor, listening. Raise `OSError` for a port, `RecogniserError` for the recogniser."""
    async with contextlib.AsyncExitStack() as stack:
        ears = await stack.enter_async_context(recogniser(settings.speech))
        access_keys = {kept.aws_access_key_id: kept.aws_secret_access_key}
        service = await stack.enter_async_context(
            transcribe(
                host=HOST,
                port=settings.transcribe_port,
                access_keys=access_keys,
                recogniser=ears,
                quota=settings.calls_heard,
                vocabularies=VOCABULARIES,
            )
        )
        await stack.enter_async_context(
            json_services(host=HOST, port=settings.amazon_port, access_keys=access_keys, vocabularies=VOCABULARIES)
        )
        registry = Registry(settings.dir / "twilio.json", review_seconds=REVIEW_SECONDS)
        emulator = await stack.enter_async_context(twilio(_account(settings, kept), registry))
        choice = Choice(settings.speech, settings.calls_heard)
        emulator.exchange.hearing = lambda: hearing(choice, ears, service.open)
        await stack.enter_async_context(stripe(_stripe_settings(settings, kept)))
        await stack.enter_async_context(
            identity(host=HOST, port=settings.identity_port, redirect_uris=[f"{settings.web_url}/sso/return"])
        )
        await stack.enter_async_context(
            post_office(host=HOST, smtp_port=settings.smtp_port, page_port=settings.mail_port)
        )
        yield


def _account(settings: Settings, kept: Secrets) -> TwilioSettings:
    """Return the account that Bilby rents numbers in: none yet. Its TwiML App leads to web."""
    voice = f"{settings.web_url}/twilio/voice"
    return TwilioSettings(
        account_sid=kept.twilio_account_sid,
        auth_token=kept.twilio_auth_token,
        api_key_sid=kept.twilio_api_key_sid,
        api_key_secret=kept.twilio_api_key_secret,
        twiml_app_sid=kept.twilio_twiml_app_sid,
        twiml_app_voice_url=f"{voice}/outbound",
        twiml_app_status_callback=f"{voice}/status",
        host=HOST,
        port=settings.twilio_port,
        tones=True,  # every recogniser here knows them from speech
    )


def _stripe_settings(settings: Settings, kept: Secrets) -> StripeSettings:
    """Return the account that Bilby is paid into; its webhooks lead to web."""
    return StripeSettings(
        secret_key=kept.stripe_secret_key,
        webhook_secret=kept.stripe_webhook_secret,
        price_id=kept.stripe_price_id,
        webhook_url=f"{settings.web_url}/stripe/webhook",
        host=HOST,
        port=settings.stripe_port,
        state=settings.dir / "stripe.json",
    )


async def _serve(settings: Settings, kept: Secrets) -> None:
    stop = signals.watched().first
    async with vendors(settings, kept):
        await stop.wait()


def main() -> int:
    """Be the outside world until SIGTERM or SIGINT; the exit status."""
    logs.configure("INFO")
    settings = Settings()
    try:
        uvloop.run(_serve(settings, Secrets.kept_in(settings.dir)))
    except (OSError, RecogniserError) as error:
        print(f"outside world: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
