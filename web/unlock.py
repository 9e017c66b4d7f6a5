"""Reset the second factor of somebody whom no owner can help: ``python -m web.unlock EMAIL``.

For a sole owner who has lost their phone and their recovery codes. Make sure first who asks, and not by mail: the
mailed link alone lets them in afterwards. They are signed out everywhere and told by mail.
"""

from __future__ import annotations

import argparse
import asyncio

from db.engine import Database, DatabaseUnavailableError
from db.queries import members
from db.queries.audit import Actor, record
from db.queries.sign_in.second_factors import SecondFactors
from db.queries.sign_in.sign_in_links import SignIns
from db.settings import DatabaseSettings
from provisioning.mail import queue
from runtime.settings import load, stop

OPERATOR = Actor("Operator")
_PROCESS = "web.unlock"


async def unlock(database: Database, email: str) -> bool:
    """Reset the second factor of the member with that address; return whether they had one."""
    async with database.begin() as session:
        member = await members.by_email(session, email)
        if member is None or not await SecondFactors(session, member.organisation_id).remove(member.id):
            return False
        await SignIns(session, member.organisation_id).end_all(member.id)
        details = {"member": member.name, "role": member.role}
        await record(session, member.organisation_id, "second_factor.reset", details, OPERATOR)
        facts = {"organisation": str(member.organisation_id), "member": str(member.id)}
        await queue.put(session, "second_factor", facts | {"what": "reset", "by": OPERATOR.name})
        return True


async def _main(email: str, settings: DatabaseSettings) -> bool:
    database = settings.database("bilby unlock", pool_size=1)
    try:
        return await unlock(database, email)
    finally:
        await database.close()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog=f"python -m {_PROCESS}", description=__doc__)
    parser.add_argument("email", help="their address")
    email = parser.parse_args().email
    try:
        had_one = asyncio.run(_main(email, load(_PROCESS, DatabaseSettings)))
    except DatabaseUnavailableError as error:
        stop(_PROCESS, f"DATABASE_URL: the database did not answer ({error})")
    if not had_one:
        stop(_PROCESS, "EMAIL: no member with that address has a second factor")
    print("Reset. They sign in with a mailed link and set up a new one.")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
