"""Create an organisation without Stripe: ``python -m web.found NAME EMAIL`` prints the link that signs its owner in.

For an installation that sells nothing, or an organisation that does not pay: everything works for it at once. It may
subscribe later like any other.
"""

from __future__ import annotations

import argparse
import asyncio

from db.encryption import keyring_of
from db.engine import Database, DatabaseUnavailableError
from db.queries import organisations
from db.queries.audit import Actor, record
from db.queries.members import AddressTakenError, Members
from db.queries.sign_in import sign_in_links
from db.settings import DatabaseSettings
from provisioning.mail.links import link_url
from runtime.settings import HttpOrigin, load, stop
from web.people.sign_up_link import problems

OPERATOR = Actor("Operator")
_PROCESS = "web.found"


class Settings(DatabaseSettings):
    """What the command reads."""

    web_public_url: HttpOrigin


async def found(database: Database, *, name: str, owner: str, email: str) -> str:
    """Found an organisation; return the token of a sign-in link for its owner. Raise `AddressTakenError`."""
    async with database.begin() as session:
        made = await organisations.create(session, name=name, status="active")
        member = await Members(session, made.id).add(email=email, name=owner, role="owner")
        await record(session, made.id, "organisation.founded", None, OPERATOR)
        return await sign_in_links.create(session, member.id, keyring_of(session).hash("origin", _PROCESS))


async def _main(asked: argparse.Namespace, settings: Settings) -> str:
    database = settings.database("bilby found", pool_size=1)
    try:
        token = await found(database, name=asked.name, owner=asked.owner, email=asked.email)
    finally:
        await database.close()
    return link_url(settings.web_public_url, token)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog=f"python -m {_PROCESS}", description=__doc__)
    parser.add_argument("name", help="the organisation's name")
    parser.add_argument("email", help="its owner's email address")
    parser.add_argument("--owner", default="Owner", help="its owner's name")
    asked = parser.parse_args()
    typed = {"organisation": asked.name, "name": asked.owner, "email": asked.email, "seats": "1"}
    if wrong := problems(typed):
        stop(_PROCESS, "; ".join(wrong.values()))
    try:
        link = asyncio.run(_main(asked, load(_PROCESS, Settings)))
    except AddressTakenError:
        stop(_PROCESS, "that address already belongs to a member: sign in with it")
    except DatabaseUnavailableError as error:
        stop(_PROCESS, f"DATABASE_URL: the database did not answer ({error})")
    minutes = sign_in_links.LIFETIME.total_seconds() // 60
    print(f"Open this within {minutes:.0f} minutes to sign in:\n{link}")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
