"""``python -m web.check``: the preflight. Run every check of the installation and say how to fix what fails.

Exit status 0: every check passed; 1: at least one needs action; 2: the settings are invalid. Changes nothing, and
prints no secret and no phone number. The operators' page shows the same results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from nats.aio.client import Client

from db import migrate
from db.engine import DatabaseUnavailableError
from db.queries.words.hearings import with_vocabulary
from protocol.messages import Vocabulary
from protocol.nats import WEB, NatsConnection
from provisioning.mail.smtp import Mailer, MailError
from web.check import media as check_media, stripe as check_stripe, twilio as check_twilio
from web.check.result import CheckResult
from web.config import TWILIO_API, Settings, read
from web.numbers import vocabularies

SECONDS = 10.0  # for each check
_REACHING_SECONDS = 4.0
_WORDS = ("transcript", "snapshot", "ticket")  # what such subjects begin with

Check = Callable[[Settings], Awaitable[CheckResult]]

_log = structlog.get_logger(__name__)


async def guarded(name: str, looking: Awaitable[CheckResult]) -> CheckResult:
    """Await ``looking`` for at most `SECONDS`. A timeout or an error becomes a result that needs action."""
    try:
        async with asyncio.timeout(SECONDS):
            return await looking
    except TimeoutError:
        return CheckResult(
            name, f"gave no answer in {SECONDS:.0f} s", "check the address and the network between this host and it"
        )
    except Exception as error:
        _log.exception("check failed", check=name)
        return CheckResult(
            name, f"could not be checked ({type(error).__name__})", "see web's log: this is a bug in Bilby"
        )


async def regions(settings: Settings) -> CheckResult:
    """Report the Twilio region. The settings class has already refused any other."""
    where = "au1" if settings.twilio_api_base == TWILIO_API else "an address on this machine"
    return CheckResult("regions", f"Twilio is reached at {where}; any region outside Australia is refused at start")


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
    """Check that the NATS server refuses web the subjects that carry words."""

    async def subscribe(client: Client) -> None:
        for root in _WORDS:
            for subject in _below(root):
                await client.subscribe(subject)

    connection = NatsConnection(settings.nats_url.get_secret_value(), "web check", WEB)
    connection.attach(subscribe=subscribe)
    async with connection.running():
        if not await connection.is_confirmed_within(_REACHING_SECONDS):  # after any denial: NATS answers in order
            return CheckResult("NATS", "refuses the connection", "check NATS_URL, its user and its password")
    heard = [f"{root}.>" for root in _WORDS if not connection.denied.issuperset(_below(root))]
    if not heard:
        return CheckResult("NATS", f"reachable, and denies web access to {_WORDS[0]}.>")
    said = f"lets web subscribe to {', '.join(heard)}"
    return CheckResult("NATS", said, "run it with deploy/nats.conf, and give each process its own user")


def _below(root: str) -> list[str]:
    """Return subjects that a right to anything below ``root`` would allow to subscribe to."""
    return [f"{root}.>", f"{root}.a", f"{root}.a.b"]


async def mail(settings: Settings) -> CheckResult:
    try:
        await Mailer(settings.smtp_url.get_secret_value(), settings.mail_from).greet()
    except MailError as error:
        return CheckResult(
            "mail",
            f"server refuses the connection ({error.kind})",
            "check SMTP_URL; a server on another host needs TLS",
        )
    return CheckResult("mail", "server accepts our user name and password")


async def custom_vocabularies(settings: Settings) -> CheckResult:
    """Check that Transcribe has the custom vocabularies that numbers name. They are named: they are no secret."""
    opened = settings.database("bilby check", pool_size=1)
    try:
        async with opened.begin() as session:
            used = await with_vocabulary(session)
    except DatabaseUnavailableError:
        return CheckResult("vocabularies", "could not be read", "see database above")
    finally:
        await opened.close()
    wanted = {Vocabulary(each.vocabulary, each.language) for each in used if each.vocabulary and each.language}
    states = await vocabularies.states(settings.nats_url.get_secret_value(), wanted)
    wrong = sorted(f"{each.name} {vocabularies.SAID[state]}" for each, state in states.items() if state != "ready")
    if wrong:
        fix = "create it in Transcribe, ap-southeast-2, or change it under Numbers, Words"
        return CheckResult("vocabularies", "; ".join(wrong), fix)
    return CheckResult("vocabularies", f"{len(wanted)} in use, all ready" if wanted else "none in use")


async def opt_out(settings: Settings) -> CheckResult:
    if settings.aws_ai_opt_out == "attested":
        return CheckResult("AWS opt-out", "attested: AWS does not keep voice data")
    fix = "attach an AI-services opt-out policy in AWS Organizations, then set AWS_AI_OPT_OUT=attested"
    return CheckResult("AWS opt-out", "not attested: AWS may keep voice data, also outside Australia", fix)


async def translation(settings: Settings) -> CheckResult:
    """Report whether words go to Amazon Translate, which may keep them unless the operator has opted out of that."""
    if settings.live_translation == "off":
        return CheckResult("translation", "is off")
    if settings.aws_translate_opt_out == "attested":
        return CheckResult("translation", "is on, and attested: Amazon Translate does not keep texts")
    fix = "opt Translate out in AWS Organizations, then set AWS_TRANSLATE_OPT_OUT=attested; or LIVE_TRANSLATION=off"
    return CheckResult("translation", "is on, not attested: AWS may keep texts, also outside Australia", fix)


CHECKS: Mapping[str, Check] = {
    "regions": regions,
    "database": database,
    "NATS": nats,
    "Twilio": check_twilio.key,
    "numbers": check_twilio.numbers,
    "number sales": check_twilio.sales,
    "regulatory bundles": check_twilio.bundles,
    "softphones": check_twilio.softphones,
    "conferences": check_twilio.conferences,
    "Stripe": check_stripe.key,
    "price": check_stripe.price,
    "Stripe webhook": check_stripe.webhook,
    "tax": check_stripe.tax,
    "Stripe events": check_stripe.events,
    "mail": mail,
    "media": check_media.media,
    "Transcribe": check_media.transcribe,
    "vocabularies": custom_vocabularies,
    "AWS opt-out": opt_out,
    "translation": translation,
}


async def results(settings: Settings, checks: Mapping[str, Check] = CHECKS) -> list[CheckResult]:
    """Run all checks concurrently, each within `SECONDS`; return their results in order."""
    return list(await asyncio.gather(*(guarded(name, check(settings)) for name, check in checks.items())))


async def look(name: str, settings: Settings) -> CheckResult:
    """Run the check called ``name`` within `SECONDS`. Never raises: an error becomes a result."""
    return await guarded(name, CHECKS[name](settings))


def report(found: list[CheckResult]) -> str:
    """Return the results as text for a terminal, one or two lines each."""
    lines = []
    for result in found:
        lines.append(f"{'OK' if result.good else 'Needs action':<12}  {result.name}: {result.said}")
        if result.fix:
            lines.append(f"{'':<12}  -> {result.fix}")
    return "\n".join(lines)


def main() -> int:
    """Run all checks, print the results, and return the exit status."""
    found = asyncio.run(results(read()))
    print(report(found))  # noqa: T201  (a command's output)
    return 0 if all(result.good for result in found) else 1
