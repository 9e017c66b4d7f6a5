"""The mails that tell members and operators what became of their second factor, if it was not they who did it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.queries import organisations
from db.queries.members import Members
from db.queries.operators import accounts
from provisioning.mail.names import salutation
from provisioning.mail.sender import Asked, Letter, Write

SUBJECTS: Mapping[str, str] = {
    "on": "Your second factor for Bilby is set up",
    "off": "Your second factor for Bilby was switched off",
    "reset": "Your second factor for Bilby was reset",
    "renewed": "You have new recovery codes for Bilby",
    "recovered": "One of your recovery codes was used",
}
_OPERATORS: Mapping[str, str] = {
    "on": "Your second factor to operate Bilby is set up",
    "reset": "Your second factor to operate Bilby was reset",
    "renewed": "You have new recovery codes to operate Bilby",
    "recovered": "One of your recovery codes was used to operate Bilby",
}


async def second_factor(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write to the member, unless they or their organisation are gone meanwhile."""
    organisation_id = UUID(asked.facts["organisation"])
    organisation = await organisations.find(session, organisation_id)
    member = await Members(session, organisation_id).get(UUID(asked.facts["member"]))
    if organisation is None or member is None or member.removed_at is not None:
        return None
    what = asked.facts["what"]
    context = {
        "name": salutation(member.name, member.email),
        "organisation": organisation.name,
        "what": what,
        "by": asked.facts["by"],
        "url": f"{asked.public_url}/account/second-factor",
    }
    return Letter(member.email, SUBJECTS[what], "second_factor", context)


async def operator_factor(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write to the operator, unless they are none any more."""
    operator = await accounts.by_id(session, UUID(asked.facts["operator"]))
    if operator is None:
        return None
    what = asked.facts["what"]
    context = {
        "name": operator.name,
        "what": what,
        "by": asked.facts["by"],
        "url": f"{asked.public_url}/operator/account",
    }
    return Letter(operator.email, _OPERATORS[what], "operator_factor", context)


WRITERS: Mapping[str, Write] = {"second_factor": second_factor, "operator_factor": operator_factor}
