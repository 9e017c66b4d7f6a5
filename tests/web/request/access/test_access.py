"""Nobody gets another organisation's rows, nobody more than their role allows, and there is one way in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import isclass, isfunction, signature
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import update

from db.base import Role
from db.engine import Database
from db.models import Member
from db.queries import rate_limits
from db.queries.log.call_filter import CallFilter
from db.queries.members import Members
from db.queries.operators.factors import OperatorFactors
from db.queries.rate_limits import Limit
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.request import access
from web.request.access import PERMISSIONS, SIGNED_BY_TWILIO, Viewer
from web.request.errors import ForbiddenError, NotFoundError

Browsers = Callable[[], Browser]
WEB = Path(__file__).parents[4] / "web"
GATE = WEB / "request" / "access"
OUTSIDE = {
    # Not requests: an operator at the machine runs them.
    "found.py": {"audit", "members", "organisations", "sign_in.sign_in_links"},
    "unlock.py": {"audit", "members", "sign_in.second_factors", "sign_in.sign_in_links"},
    "operate.py": {"operators.accounts", "operators.log"},
    # Of operators, who have a gate of their own. What they do to an organisation stands in its audit log as well.
    "operators/account.py": {"operators.accounts", "operators.factors"},
    "operators/gate.py": {"operators.accounts", "operators.factors", "operators.log"},
    "operators/second_factor.py": {"operators.factors"},
    "operators/sign_in.py": {"operators.accounts", "operators.factors"},
    "operators/tenants.py": {"audit", "operators.log", "operators.tenants"},
    # Of the whole installation: counters of requests, vocabularies at Transcribe, what Stripe could not tell us.
    "request/limits.py": {"rate_limits"},
    "check/checks.py": {"words.hearings"},
    "check/stripe.py": {"billing.stripe_events"},
    "numbers/vocabulary_watch.py": {"words.hearings"},
    # What members' and operators' have in common: a type of arguments.
    "people/factor/verifying.py": {"sign_in.factors"},
}
"""Who outside the gate uses something of `db.queries` that takes a session, and of which modules."""
WITH_DATABASE = {
    *("app.py", "resources.py", "serving/health.py", "request/limits.py"),
    *("operators/gate.py", "serving/status.py"),  # for operators and everybody: no tenant's rows
    *("people/sign_in.py", "people/sign_up.py"),  # mail that somebody asks for who is not signed in
    "conferences/performing.py",  # only to wait behind requests for a connection
    *("billing/checkout.py", "billing/page.py", "billing/webhook.py"),  # for provisioning, which asks Stripe
}
"""Who may open a transaction, or hand the database on."""


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


def _used(path: Path) -> Iterator[tuple[str, object]]:
    """What a file imports of `db`, each with its module; of a module that it imports, what it takes from there."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("db.")]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "db":
            for alias in node.names:
                found = _imported(node.module, alias.name)
                if not isinstance(found, ModuleType):
                    yield node.module, found
                    continue
                name = alias.asname or alias.name
                taken = [each for each in ast.walk(tree) if isinstance(each, ast.Attribute) and _is(each.value, name)]
                yield from ((found.__name__, getattr(found, each.attr, None)) for each in taken)


def _imported(module: str, name: str) -> object:
    try:
        return import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return getattr(import_module(module), name)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _takes_session(thing: object) -> bool:
    """Whether a function or class asks for the session of a transaction, and so reads or writes rows."""
    if not (isfunction(thing) or isclass(thing)) or not thing.__module__.startswith("db.queries."):
        return False
    parameters = signature(thing.__init__ if isclass(thing) else thing).parameters.values()
    return any(each.name == "session" or "AsyncSession" in str(each.annotation) for each in parameters)


def test_who_takes_a_session_is_recognised() -> None:
    assert all(map(_takes_session, (Members, OperatorFactors, rate_limits.hit)))
    assert not any(map(_takes_session, (Limit, CallFilter, Database)))


def test_only_access_reaches_the_rows_of_tenants() -> None:
    reaching: dict[str, set[str]] = {}
    for path in WEB.rglob("*.py"):
        if path.parent != GATE:
            modules = {module.removeprefix("db.queries.") for module, used in _used(path) if _takes_session(used)}
            reaching |= {path.relative_to(WEB).as_posix(): modules} if modules else {}
    assert reaching == OUTSIDE


def test_only_few_open_transactions() -> None:
    openers = {
        path.relative_to(WEB).as_posix()
        for path in WEB.rglob("*.py")
        if path.parent != GATE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id == "DATABASE"
    }
    assert openers <= WITH_DATABASE
