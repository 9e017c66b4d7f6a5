"""Mails with a link in them: to sign in, to sign up, to accept an invitation.

Web asks for them without looking the address up, so that its answer takes as long for a member as for a stranger.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import Member
from db.queries import members, rate_limits
from db.queries.operators import accounts
from db.queries.sign_in import identity_providers, sign_in_links
from db.queries.sign_in.sign_in_links import STRANGERS, SignIns
from provisioning.mail.sender import Asked, Letter

WANTED = timedelta(hours=1)
"""How long somebody waits for a link. A mail that could not be sent for so long is dropped: they have asked again."""


def link_url(public_url: str, token: str) -> str:
    """Return the URL of a sign-in link."""
    return f"{public_url}/sign-in/{token}"


def operator_url(public_url: str, token: str) -> str:
    """Return the URL of an operator's sign-in link."""
    return f"{public_url}/operator/sign-in/{token}"


async def operator_link(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write to the operator with ``email``, at most once a minute; to nobody if there is none."""
    operator = await accounts.by_email(session, asked.facts["email"])
    if asked.age > WANTED or operator is None:
        return None
    if not asked.is_cleared and not await accounts.may_mail(session, operator.email):
        return None
    url = operator_url(asked.public_url, await accounts.link(session, operator.id))
    return Letter(operator.email, "Your link to operate Bilby", "operator_link", {"name": operator.name, "url": url})


async def sign_in(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write to the member with ``email``, at most once a minute. A stranger counts against ``network`` instead."""
    if asked.age > WANTED:
        return None
    member = await members.by_email(session, asked.facts["email"])
    if member is None:
        await rate_limits.hit(session, STRANGERS, asked.facts["network"])
        return None
    return await _to_member(session, asked, member)


async def sign_up(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write ``url`` to ``email``, at most once a minute; to a member's address a link to sign in instead.

    An invited member does not count. Nothing from the form is in it: it must not be usable to mail text to strangers.
    """
    if asked.age > WANTED:
        return None
    email = asked.facts["email"]
    member = await members.by_email(session, email)
    if member is not None and member.accepted_at is not None:
        return await _to_member(session, asked, member, signing_up=True)
    if not asked.is_cleared and not await sign_in_links.may_mail(session, email):
        return None
    context = {"url": asked.facts["url"], "minutes": asked.facts["minutes"]}
    return Letter(email, "Start with Bilby", "sign_up", context)


async def invitation(session: AsyncSession, asked: Asked) -> Letter | None:
    """Write to the invited ``member`` in the name of ``inviter``, unless they have accepted or left meanwhile."""
    member = await members.by_id(session, UUID(asked.facts["member"]))
    if member is None or member.accepted_at is not None:
        return None
    token = await SignIns(session, member.organisation_id).invite(member.id, asked.facts["network"])
    context = {
        "name": member.name,
        "inviter": asked.facts["inviter"],
        "organisation": member.organisation.name,
        "role": member.role,
        "url": link_url(asked.public_url, token),
        "later": f"{asked.public_url}/sign-in",
    }
    return Letter(member.email, "You are invited to Bilby", "invitation", context)


async def _to_member(
    session: AsyncSession, asked: Asked, member: Member, *, signing_up: bool = False
) -> Letter | None:
    """Write where they sign in: by a link, or at their organisation's identity provider."""
    if not asked.is_cleared and not await sign_in_links.may_mail(session, member.email):
        return None
    if await identity_providers.binds(session, member):
        return _elsewhere(asked, member)
    requested_from = keyring_of(session).hash("origin", asked.facts["network"])
    context = {
        "name": member.name,
        "url": link_url(asked.public_url, await sign_in_links.create(session, member.id, requested_from)),
        "signing_up": signing_up,
        "invited_to": member.organisation.name if member.accepted_at is None else "",
    }
    # To the stored address: the typed one may differ in more than case.
    return Letter(member.email, "Your sign-in link for Bilby", "sign_in", context)


def _elsewhere(asked: Asked, member: Member) -> Letter:
    context = {
        "name": member.name,
        "organisation": member.organisation.name,
        "url": f"{asked.public_url}/sso/{member.organisation_id}",
    }
    return Letter(member.email, "Sign in to Bilby", "sign_in_elsewhere", context)


WRITERS = {"sign_in": sign_in, "sign_up": sign_up, "invitation": invitation, "operator_link": operator_link}
