"""Groups of members: who answers the same numbers, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from aiohttp import web

from db.models import Member
from db.queries.phone.groups import Group
from db.queries.rate_limits import Limit
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render
from web.request.typed import in_order, tidy

CHANGES = Limit("groups", count=60, seconds=10 * 60)
MOST = 50
LONGEST_NAME = 60  # characters
_NEW = "new"

routes = web.RouteTableDef()


@routes.get("/team/groups")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "team")
    return await _page(request, viewer)


@routes.post("/team/groups")
async def add(request: web.Request) -> web.StreamResponse:
    """Make a group."""
    viewer = await access.require(request, "team")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    name = tidy(await field(request, "name"))
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        groups = await rows.groups.all()
        wrong = _name_problem(name, groups)
        if len(groups) >= MOST:
            wrong = f"There are already {MOST} groups, the maximum."
        if not wrong:
            group_id = await rows.groups.add(name)
            await rows.audit.record("group.added", {"group": name})
    if wrong:
        return await _page(request, viewer, {"name": name}, {_NEW: wrong})
    raise web.HTTPSeeOther(f"/team/groups#group-{group_id}")


@routes.post("/team/groups/{group}")
async def change(request: web.Request) -> web.StreamResponse:
    """Rename a group, and set its members by the places that were typed; without a place they are not in it."""
    viewer = await access.require(request, "team")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        group, members = await _mine(request, rows), await rows.members.all()
        sent = {name: await field(request, name) for name in ("name", *map(place_field, members))}
        name = tidy(sent["name"])
        places, wrong_places = in_order(sent, {place_field(each): each.id for each in members})
        others = [each for each in await rows.groups.all() if each.id != group.id]
        wrong = _name_problem(name, others) or next(iter(wrong_places.values()), "")
        if not wrong and (name, places) != (group.name, group.members):
            await rows.groups.change(group.id, name, places)
            await rows.audit.record("group.changed", _details(group, name, places, members))
            await rows.presence.notify()
    if wrong:
        return await _page(request, viewer, {**sent, "group": str(group.id)}, {str(group.id): wrong})
    raise web.HTTPSeeOther(f"/team/groups?saved={group.id}#group-{group.id}")


@routes.post("/team/groups/{group}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove a group."""
    viewer = await access.require(request, "team")
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        group = await _mine(request, rows)
        await rows.groups.remove(group.id)
        await rows.audit.record("group.removed", {"group": group.name})
        await rows.presence.notify()
    raise web.HTTPSeeOther("/team/groups")


def place_field(member: Member) -> str:
    """Return the name of the field for a member's place."""
    return f"place_{member.id.hex}"


def _name_problem(name: str, others: Sequence[Group]) -> str:
    if not name:
        return "Enter a name."
    if len(name) > LONGEST_NAME:
        return f"The name is too long: {LONGEST_NAME} characters at most."
    taken = any(each.name.casefold() == name.casefold() for each in others)
    return "There is already a group with that name." if taken else ""


def _details(group: Group, name: str, places: Sequence[UUID], members: Sequence[Member]) -> dict[str, str]:
    names = {member.id: member.name for member in members}
    shown = ", ".join(names[each] for each in places) or "nobody"
    return {"group": name if name == group.name else f"{group.name} → {name}", "members": shown}


async def _mine(request: web.Request, rows: Rows) -> Group:
    wanted = read_uuid(request.match_info["group"])
    group = next((each for each in await rows.groups.all() if each.id == wanted), None)
    if group is None:
        raise NotFoundError
    return group


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    """Render the page, with rejected input as typed and what is ``wrong``: a sentence by group, or for a new one."""
    async with access.rows(request, viewer) as rows:
        groups, members = await rows.groups.all(), await rows.members.all()
    sent = sent or {}
    places = {
        str(group.id): sent
        if sent.get("group") == str(group.id)
        else {
            "name": group.name,
            **{place_field(each): str(_place(group, each)) for each in members},
        }
        for group in groups
    }
    return render(
        request,
        "people/groups.html",
        status=400 if wrong else 200,
        groups=groups,
        members=sorted(members, key=lambda each: each.name.casefold()),
        place_field=place_field,
        fields=places,
        typed="" if "group" in sent else sent.get("name", ""),
        wrong=wrong or {},
        saved=request.query.get("saved", "") if not wrong else "",
        longest=LONGEST_NAME,
    )


def _place(group: Group, member: Member) -> int | str:
    return group.members.index(member.id) + 1 if member.id in group.members else ""
