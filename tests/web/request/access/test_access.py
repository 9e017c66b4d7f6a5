"""Nobody gets another organisation's rows, nobody more than their role allows, and there is one way in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import update

from db.base import Role
from db.engine import Database
from db.models import Member
from db.queries.log.call_filter import CallFilter
from db.queries.members import Members
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.request import access
from web.request.access import PERMISSIONS, SIGNED_BY_TWILIO, Viewer
from web.request.errors import ForbiddenError, NotFoundError

Browsers = Callable[[], Browser]
WEB = Path(__file__).parents[4] / "web"
GATE = WEB / "request" / "access"
COMMANDS = {"found.py", "unlock.py", "operate.py"}
"""Not requests: an operator at the machine runs them."""
OPEN = {
    *("db.queries.rate_limits", "db.queries.billing.stripe_events"),  # of no tenant, or told by Stripe
    *("db.queries.sign_in.sign_in_links", "db.queries.operators.accounts"),  # of who is not signed in yet
    *("db.queries.operators.log", "db.queries.operators.tenants"),  # of operators, who have a gate of their own
    *("db.queries.audit", "db.queries.integrations.events"),  # these write, into a transaction that the gate opened
    "db.queries.integrations.webhooks",  # its constants; who may not open a transaction cannot call the rest
    "db.queries.words.hearings",
}
"""Modules with functions that ask for a session, of which others in web may use something; none of their classes."""
OPEN_CLASSES = {
    "db.queries.operators.factors.OperatorFactors",  # of operators, who have a gate of their own
    "db.queries.sign_in.factors.Factors",  # what members' and operators' have in common: a type of arguments
}
WITH_DATABASE = {
    *("app.py", "resources.py", "serving/health.py", "request/limits.py"),
    *("operators/gate.py", "serving/status.py"),  # for operators and everybody: no tenant's rows
    *("people/sign_in.py", "people/sign_up.py"),  # rows of people who have no organisation yet
    *("people/factor/asking.py", "people/sso/going.py"),  # the end of a sign-in, by its own id
    "conferences/performing.py",  # only to wait behind requests for a connection
    *("billing/checkout.py", "billing/page.py", "billing/webhook.py"),  # for provisioning, which asks Stripe
}
"""Who may open a transaction, or hand the database on."""
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _request(site: Site, *, signed: bool = False) -> web.Request:
    request = make_mocked_request("POST", "/twilio/voice/inbound", app=site.app)
    if signed:
        request[SIGNED_BY_TWILIO] = True
    return request


def _viewer(member: Member) -> Viewer:
    return Viewer(member.id, member.organisation_id, member.role, member.name, "", available=False)


def test_roles_only_ever_add() -> None:
    assert set(PERMISSIONS) == set(get_args(Role))
    order: list[Role] = ["agent", "supervisor", "admin", "owner"]
    for lesser, greater in pairwise(order):
        assert PERMISSIONS[lesser] < PERMISSIONS[greater]


def test_only_the_owner_pays_and_agents_see_their_own() -> None:
    assert [role for role in PERMISSIONS if "billing" in PERMISSIONS[role]] == ["owner"]
    assert "calls.all" not in PERMISSIONS["agent"]
    assert "team" not in PERMISSIONS["supervisor"]
    assert [role for role in PERMISSIONS if "integrations" in PERMISSIONS[role]] == ["admin", "owner"]


async def _have_calls(database: Database, site: Site, cast: Cast) -> None:
    async with access.by_number(_request(site, signed=True), cast.number.e164) as (rows, number):
        for sid, agent in (("CA1", cast.bob), ("CA2", cast.dana), ("CA3", None)):
            await rows.calls.open(
                sid,
                direction="inbound",
                from_number="+61400000001",
                to_number=number.e164,
                number_id=number.id,
                agent_id=None if agent is None else agent.id,
            )


async def test_everybody_sees_what_is_theirs(cast: Cast, site: Site, database: Database) -> None:
    await _have_calls(database, site, cast)
    seen = {}
    for member in (cast.alice, cast.sam, cast.bob, cast.dana, cast.charlie):
        async with access.rows(_request(site), _viewer(member)) as rows:
            seen[member.name.split()[0]] = sorted(call.call_sid for call in (await rows.log.page(CallFilter())).calls)
    assert seen == {
        "Alice": ["CA1", "CA2", "CA3"],
        "Sam": ["CA1", "CA2", "CA3"],
        "Bob": ["CA1"],
        "Dana": ["CA2"],
        "Charlie": [],
    }


async def test_charlie_gets_nothing_of_a(cast: Cast, site: Site, database: Database) -> None:
    await _have_calls(database, site, cast)
    async with access.rows(_request(site), _viewer(cast.charlie)) as rows:
        assert await rows.calls.get("CA1") is None
        assert await rows.members.get(cast.bob.id) is None
        assert [member.name for member in await rows.members.all()] == ["Charlie Cho"]
        assert [number.e164 for number in await rows.numbers.all()] == [cast.number_b.e164]
        await rows.members.remove(cast.bob.id)
        await rows.calls.set_transcription("CA1", "failed")
    async with access.rows(_request(site), _viewer(cast.alice)) as rows:
        assert len(await rows.members.all()) == 4
        call = await rows.calls.get("CA1")
        assert call is not None
        assert call.transcription is None


async def test_twilios_ways_in_need_a_proved_signature(cast: Cast, site: Site) -> None:
    for way in (
        access.by_number(_request(site), cast.number.e164),
        access.by_member(_request(site), cast.bob.id),
        access.by_call(_request(site), "CA1"),
    ):
        with pytest.raises(ForbiddenError):
            async with way:
                pass


async def test_twilios_ways_in_find_the_organisation(cast: Cast, site: Site, database: Database) -> None:
    await _have_calls(database, site, cast)
    async with access.by_member(_request(site, signed=True), cast.bob.id) as (rows, member):
        assert (rows.organisation.id, member.id) == (cast.a.id, cast.bob.id)
    async with access.by_call(_request(site, signed=True), "CA1") as rows:
        assert rows.organisation.id == cast.a.id
    async with access.by_fact(site.app, cast.b.id) as rows:
        assert rows.organisation.id == cast.b.id
    with pytest.raises(NotFoundError):
        async with access.by_number(_request(site, signed=True), "+61255500000"):
            pass
    with pytest.raises(NotFoundError):
        async with access.by_call(_request(site, signed=True), "CA9"):
            pass


async def test_a_new_role_and_a_removal_hold_at_once(cast: Cast, browser: Browsers, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    assert 'data-role="agent"' in await (await bob.get("/console")).text()
    async with database.begin() as session:
        await session.execute(update(Member).where(Member.id == cast.bob.id).values(role="supervisor"))
    assert 'data-role="supervisor"' in await (await bob.get("/console")).text()
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await bob.get("/console")).status == 303
    assert (await bob.post("/console/ticket")).status == 401


async def test_the_signed_out_are_sent_to_sign_in_or_told_so(cast: Cast, browser: Browsers) -> None:
    stranger = browser()
    for path in ("/console", "/calls"):
        page = await stranger.get(path)
        assert (page.status, page.headers["Location"]) == (303, "/sign-in")
    for path in ("/console/ticket", "/console/availability", "/voice/token"):
        answer = await stranger.post(path, headers={"Accept": "application/json"})
        assert answer.status == 401
        assert (await answer.json())["error"]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _takes_session(node: ast.stmt) -> bool:
    """Whether a function or class asks for the session of a transaction, and so reads or writes rows."""
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return any(_takes_session(each) for each in made)
    arguments = node.args.args if isinstance(node, _FUNCTION) else []
    return "session" in [each.arg for each in arguments]


@cache
def _reaching_rows() -> set[str]:
    """Everything in `db.queries` that reads or writes rows, and each module that has such a function."""
    reaching = set()
    for path in (WEB.parent / "db" / "queries").rglob("*.py"):
        module = ".".join(path.relative_to(WEB.parent).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and _takes_session(node):
                reaching.add(f"{module}.{node.name}")
            elif isinstance(node, _FUNCTION) and _takes_session(node) and module not in OPEN:
                reaching |= {module, f"{module}.{node.name}"}
    return reaching


def test_only_access_reaches_the_rows_of_tenants() -> None:
    guilty = {
        (path.relative_to(WEB).as_posix(), imported)
        for path in WEB.rglob("*.py")
        if path.parent != GATE and path.relative_to(WEB).as_posix() not in COMMANDS
        for imported in _imports(path)
        if imported in _reaching_rows() - OPEN_CLASSES
    }
    assert guilty == set()


def test_only_few_open_transactions() -> None:
    openers = {
        path.relative_to(WEB).as_posix()
        for path in WEB.rglob("*.py")
        if path.parent != GATE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id == "DATABASE"
    }
    assert openers <= WITH_DATABASE
