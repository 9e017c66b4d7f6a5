"""``python -m web.check``: the preflight. Looks at everything that must be right, and says how to mend what is not.

Exit status 0: all is well; 1: something is not; 2: the settings themselves are wrong. Nothing is changed, and no
secret or number is printed. The page for operators shows the same findings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiosmtplib
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from db import migrate
from db.engine import DatabaseUnavailableError
from provisioning.mail import Mailer
from web.check import media as check_media, stripe as check_stripe, twilio as check_twilio
from web.check.finding import CheckResult
from web.config import TWILIO_API, Settings, read

SECONDS = 10.0  # for each check
_REACHING_SECONDS = 4.0
_LISTENING_SECONDS = 1.0
_WORDS = ("transcript.>", "snapshot.>", "ticket.>")

Check = Callable[[Settings], Awaitable[CheckResult]]

_log = structlog.get_logger(__name__)


async def findings(settings: Settings) -> list[CheckResult]:
    """Every check's finding, in order; they run side by side, each within `SECONDS`."""
    return list(await asyncio.gather(*(look(name, settings) for name in CHECKS)))


async def look(name: str, settings: Settings) -> CheckResult:
    """What the check called ``name`` finds, within `SECONDS`. One that breaks hides no other."""
    return await guarded(name, CHECKS[name](settings))


async def guarded(name: str, looking: Awaitable[CheckResult]) -> CheckResult:
    """What ``looking`` finds, within `SECONDS`, or that it found nothing out."""
    try:
        async with asyncio.timeout(SECONDS):
            return await looking
    except TimeoutError:
        return CheckResult(name, f"gave no answer in {SECONDS:.0f} s", "check the address and the network between")
    except Exception as error:
        _log.exception("check failed", check=name)
        return CheckResult(
            name, f"could not be looked at ({type(error).__name__})", "see web's log: this is our mistake"
        )


async def regions(settings: Settings) -> CheckResult:
    """What the settings class already insists on, said aloud."""
    where = "au1" if settings.twilio_api_base == TWILIO_API else "an address on this machine"
    return CheckResult("regions", f"Twilio by {where}; anything but Australia is refused at start")


async def database(settings: Settings) -> CheckResult:
    opened = settings.database("bilby check", pool_size=1)
    try:
        async with opened.begin() as session:
            if await migrate.is_ready(session):
                return CheckResult("database", "reachable and migrated")
            at = await migrate.current(session)
            return CheckResult("database", f"at revision {at or 'none'}", "run python -m db.migrate")
    except DatabaseUnavailableError:
        return CheckResult("database", "does not answer", "check DATABASE_URL and that PostgreSQL runs")
    finally:
        await opened.close()


async def nats(settings: Settings) -> CheckResult:
    """The engine itself must deny us the words."""
    refusals: list[str] = []

    async def note(error: Exception) -> None:
        refusals.append(str(error).lower())

    client = Client()
    try:
        async with asyncio.timeout(_REACHING_SECONDS):  # nats-py would try for ever
            await client.connect(settings.nats_url.get_secret_value(), allow_reconnect=False, error_cb=note)
        for subject in _WORDS:
            await client.subscribe(subject)
        await client.flush(2)
        await asyncio.sleep(_LISTENING_SECONDS)
    except (NatsError, OSError, TimeoutError):
        return CheckResult("NATS", "does not let us in", "check NATS_URL, its user and its password")
    finally:
        with suppress(NatsError, OSError):
            await client.close()
    heard = [subject for subject in _WORDS if not any(_denies(refusal, subject) for refusal in refusals)]
    if not heard:
        return CheckResult("NATS", f"reachable, and denies {_WORDS[0]} to web")
    said = f"lets web subscribe to {', '.join(heard)}"
    return CheckResult("NATS", said, "run it with deploy/nats.conf, each process its own user")


def _denies(refusal: str, subject: str) -> bool:
    return "permissions violation" in refusal and f'"{subject}"' in refusal


async def mail(settings: Settings) -> CheckResult:
    try:
        await Mailer(settings.smtp_url.get_secret_value(), settings.mail_from).greet()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return CheckResult(
            "mail", f"is refused ({type(error).__name__})", "check SMTP_URL; off this machine it needs TLS"
        )
    return CheckResult("mail", "the server takes our name and password")


async def opt_out(settings: Settings) -> CheckResult:
    if settings.aws_ai_opt_out == "attested":
        return CheckResult("AWS opt-out", "attested: AWS may not keep what it hears")
    mend = "attach an AI-services opt-out policy in AWS Organizations, then set AWS_AI_OPT_OUT=attested"
    return CheckResult("AWS opt-out", "not attested: AWS may keep voice inputs, and outside Australia", mend)


CHECKS: dict[str, Check] = {
    "regions": regions,
    "database": database,
    "NATS": nats,
    "Twilio": check_twilio.key,
    "numbers": check_twilio.numbers,
    "number sales": check_twilio.sales,
    "papers": check_twilio.papers,
    "softphones": check_twilio.softphones,
    "Stripe": check_stripe.key,
    "price": check_stripe.price,
    "Stripe webhook": check_stripe.webhook,
    "tax": check_stripe.tax,
    "Stripe events": check_stripe.events,
    "mail": mail,
    "media": check_media.media,
    "Transcribe": check_media.transcribe,
    "AWS opt-out": opt_out,
}


def report(found: list[CheckResult]) -> str:
    """The findings for a terminal, a line or two each."""
    lines = []
    for finding in found:
        lines.append(f"{'ok  ' if finding.good else 'MEND'}  {finding.name}: {finding.said}")
        if finding.mend:
            lines.append(f"      -> {finding.mend}")
    return "\n".join(lines)


def main() -> int:
    """Look at everything and print what was found; the exit status."""
    found = asyncio.run(findings(read()))
    print(report(found))  # noqa: T201  (a command's output)
    return 0 if all(finding.good for finding in found) else 1
