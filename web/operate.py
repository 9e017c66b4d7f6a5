"""Make somebody an operator of the installation: ``python -m web.operate EMAIL NAME`` prints a link to sign in.

Further links are mailed from ``/operator/sign-in``. ``--role observer``: they look and cannot suspend.
``--reset-factor``: they have lost their phone and their recovery codes, and set up another second factor by the link;
make sure first who asks. They are told by mail. ``--remove``: they are none any more.
"""

from __future__ import annotations

import argparse
import asyncio

from db import email_addresses
from db.email_addresses import AddressError
from db.engine import Database, DatabaseUnavailableError
from db.queries.operators import accounts, log
from db.settings import DatabaseSettings
from provisioning.mail import queue
from provisioning.mail.links import operator_url
from runtime.settings import HttpOrigin, load, stop

_PROCESS = "web.operate"


class Settings(DatabaseSettings):
    """What the command reads."""

    web_public_url: HttpOrigin


class NobodyError(Exception):
    """No operator has that address."""


async def operate(database: Database, asked: argparse.Namespace) -> str | None:
    """Make, reset or remove the operator that ``asked`` describes.

    Return the token of a link; None for an operator who was removed.

    Raise `NobodyError` if the second factor of somebody unknown is to be reset.
    """
    async with database.begin() as session:
        if asked.remove:
            operator = await accounts.by_email(session, asked.email)
            if operator is not None:
                await accounts.remove(session, operator)
                await log.record(session, operator, "operator.removed")
            return None
        operator = await accounts.by_email(session, asked.email) if asked.reset_factor else None
        if operator is not None:
            had_one = await accounts.reset(session, operator)
            await log.record(session, operator, "operator.second_factor_reset")
            if had_one:
                facts = {"operator": str(operator.id), "what": "reset", "by": "server"}
                await queue.put(session, "operator_factor", facts)
        elif asked.reset_factor:
            raise NobodyError
        else:
            operator = await accounts.admit(session, asked.email, asked.name, asked.role)
            await log.record(session, operator, "operator.admitted")
        return await accounts.link(session, operator.id)


async def _main(asked: argparse.Namespace, settings: Settings) -> str | None:
    database = settings.database("bilby operate", pool_size=1)
    try:
        token = await operate(database, asked)
    finally:
        await database.close()
    return None if token is None else operator_url(settings.web_public_url, token)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog=f"python -m {_PROCESS}", description=__doc__)
    parser.add_argument("email", help="their address")
    parser.add_argument("name", nargs="?", default="Operator", help="their name, as the log shows it")
    parser.add_argument("--role", choices=("operator", "observer"), default="operator")
    parser.add_argument("--reset-factor", action="store_true", help="forget their second factor, end all sign-ins")
    parser.add_argument("--remove", action="store_true", help="end it")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command."""
    asked = parsed()
    try:
        asked.email = email_addresses.read(asked.email, plain=False).shown
        link = asyncio.run(_main(asked, load(_PROCESS, Settings)))
    except AddressError as error:
        stop(_PROCESS, f"EMAIL: {error}")
    except NobodyError:
        stop(_PROCESS, "EMAIL: no operator has that address")
    except DatabaseUnavailableError as error:
        stop(_PROCESS, f"DATABASE_URL: the database did not answer ({error})")
    minutes = accounts.LIFETIME.total_seconds() // 60
    text = "Removed." if link is None else f"Open this within {minutes:.0f} minutes to sign in:\n{link}"
    print(text)  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
