"""Take a code that somebody typed: one of their app's, or a recovery code. Wrong ones are counted and audited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import web

from db.queries.rate_limits import Limit
from provisioning.mail import queue
from web.people.factor import verifying
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.forms import field

ATTEMPTS = Limit("second factor", count=6, seconds=15 * 60)
"""Per member: whoever has opened their mail as well guesses one code in a million so often."""


Show = Callable[[str], Awaitable[web.Response]]
"""Show the form with the code once more, with what to tell who filled it in."""


async def hit(request: web.Request, member_id: UUID, show: Show) -> None:
    """Count one attempt of that member. Raise `TooManyError`, which is answered by the form."""
    await limits.hit(request, ATTEMPTS, str(member_id), lambda _: show(verifying.TOO_MANY))


async def is_right(rows: Rows, member_id: UUID, typed: str) -> bool:
    """Return whether ``typed`` is a code of that member's; it is used up, and a wrong one is audited.

    `hit` comes first, in a transaction of its own.
    """
    match await verifying.verify(rows.factors, member_id, typed):
        case "recovery":
            left = await rows.factors.codes_left(member_id)
            await rows.audit.record("second_factor.recovery_code_used", {"codes_left": left})
            await tell(rows, member_id, "recovered")
        case "wrong":
            await rows.audit.record("second_factor.failed")
            return False
        case "none":
            return False
    return True


async def refused(request: web.Request, viewer: Viewer, show: Show) -> web.Response | None:
    """Ask who has a second factor for it once more, in the field ``code`` of a form that changes much.

    Return None if they may go on, or else the form with what is wrong.
    """
    async with access.rows(request, viewer) as rows:
        if not await rows.factors.is_on(viewer.member_id):
            return None
    typed = await field(request, "code")
    if not typed:
        return await show("Enter a code from your authenticator app.")
    await hit(request, viewer.member_id, show)
    async with access.rows(request, viewer) as rows:
        if await is_right(rows, viewer.member_id, typed):
            return None
    return await show(verifying.WRONG)


async def tell(rows: Rows, member_id: UUID, what: queue.FactorChange, by: str = "") -> None:
    """Enqueue a mail to the member about a change of their second factor."""
    facts = {"organisation": str(rows.organisation.id), "member": str(member_id), "what": what, "by": by}
    await queue.put(rows.session, "second_factor", facts)
