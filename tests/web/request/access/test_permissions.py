"""Every route, asked by everybody: who is let in is what ``docs/permissions.md`` says, cell by cell."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiohttp import web

from db.engine import Database
from db.models import (
    ApiKey,
    BlockedNumber,
    Call,
    Contact,
    Member,
    MemberGroup,
    Number,
    NumberOrder,
    Organisation,
    PhraseRuleRow,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.members import Members
from db.queries.sign_in.second_factors import SecondFactors
from provisioning.stripe.api import Purchase
from tests.kit.integrations.operator import operate
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import asking
from tests.kit.web.paid_site import Shop
from tests.kit.web.phones import waiting_call
from tests.kit.web.site import Browser
from web.config import Settings
from web.request.static_files.files import STATIC_FILES

TABLE = Path(__file__).parents[4] / "docs" / "permissions.md"
COLUMNS = ("owner", "admin", "supervisor", "agent", "another organisation's owner", "nobody", "operator")
OTHER, OPERATOR = "another organisation's owner", "operator"
NOBODY = COLUMNS.index("nobody")
_ENDS_A_SIGN_IN = ("POST /operator/sign-out", "POST /sign-out", "POST /account/sign-out", "POST /account/leave")
_NOT_MEMBERS = ("/api/v1/", "/operator")
_BY_SID = ("/helping/", "/console/calls/")
_UNSEEN = "POST /helping/{call}/read"
"""Written down for the organisation that asks, whatever call it names; its ticket opens that organisation's calls."""
_SENT: Mapping[str, Mapping[str, Any]] = {
    "/phone/calls/{call}/transfer": {"json": {"kind": "warm", "to": {"number": "+61255501111"}}},
    "/phone/calls/{call}/add": {"json": {"to": {"number": "+61255501111"}}},
    "/phone/calls/{call}/remove": {"json": {"label": "outside:1"}},
    "/phone/calls/{call}/wrap-up": {"json": {}},
    "/operator/organisations/{organisation}/suspend": {"data": {"reason": "An invoice is disputed."}},
    "/team/{member}/role": {"data": {"role": "supervisor"}},
}
"""What must be sent before a route looks for what its path names."""


@dataclass(frozen=True)
class Asked:
    """One request to a route."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Things:
    """What paths name: new rows of organisation A, so that no request finds what another has removed."""

    shop: Shop
    cast: Cast
    checkout: str
    """A checkout of A's at Stripe."""

    @property
    def database(self) -> Database:
        return self.shop.database

    async def asked(self, route: str, member: Member | None) -> Asked:
        """The request to ``route``, with something real of A wherever the route names a thing."""
        method, pattern = route.split(" ")
        body: Mapping[str, Any] = _SENT.get(pattern, {})
        if pattern.startswith("/twilio/"):
            body = {"data": {"CallSid": f"CA{'1' * 32}"}}
        elif pattern == "/onboarding/try-again":
            body = {"data": {"order": str(await self._row("order", ""))}}
        path = await self._path(pattern, member)
        if pattern == "/checkout/success":
            path += f"?session_id={self.checkout}"
        return Asked("PROPFIND" if method == "*" else method, path, body)

    async def _path(self, pattern: str, member: Member | None) -> str:
        if "{note}" in pattern:
            return pattern.replace("{note}", str(await self._note()))
        if pattern.endswith("/again/{delivery}"):
            endpoint, delivery = await self._delivery()
            return pattern.replace("{endpoint}", str(endpoint)).replace("{delivery}", str(delivery))
        known = {
            "command": "hold",
            "mode": "listen",
            "name": "bilby.svg",
            "hash": self.shop.site.app[STATIC_FILES].hash,
        }
        for name in re.findall(r"{(\w+)}", pattern):
            if name == "call":
                known[name] = await self._call(pattern, member)
            elif name == "organisation" and not pattern.startswith("/operator"):
                known[name] = str(self.cast.a.id)
            elif name not in known:
                known[name] = "nothing" if name in ("token", "rest", "id") else str(await self._row(name, pattern))
        return re.sub(r"{(\w+)}", lambda place: known[place[1]], pattern)

    async def _call(self, pattern: str, member: Member | None) -> str:
        """A call that waits; a missed one for who calls back, the member's own for who says what came of it."""
        if pattern.endswith("/call-back"):
            return str(await self._row("missed", pattern))
        call_id = await waiting_call(self.database, self.cast.number)
        async with self.database.begin() as session:
            call = await session.get(Call, call_id)
            assert call is not None
            if pattern.endswith("/wrap-up") and member is not None and member.organisation_id == self.cast.a.id:
                call.agent_id = member.id
            return call.call_sid if pattern.startswith(_BY_SID) else str(call.id)

    async def _row(self, name: str, pattern: str) -> UUID:
        mark, a = uuid4(), self.cast.a.id
        number, rule = f"+614{mark.int % 10**8:08}", f'{{"id":"{mark}","name":"Rule","phrases":[]}}'
        state: Any = "paid" if pattern.endswith("/cancel") else "failed"
        accepted = {"accepted_at": None} if pattern.endswith("/invite") else {}
        rows: Mapping[str, Callable[[], object]] = {
            "contact": lambda: Contact(name="Nell", number=number, number_hash=mark.bytes),
            "entry": lambda: BlockedNumber(number=number, number_hash=mark.bytes, blocked_by=self.cast.alice.id),
            "endpoint": lambda: self._endpoint(mark),
            "group": lambda: MemberGroup(name=f"Group {mark}"),
            "key": lambda: ApiKey(
                name="Key", prefix=mark.hex, secret_hash=b"", scopes=[], created_by=self.cast.alice.id
            ),
            "member": lambda: Member(
                email=f"{mark.hex}@acacia.example", email_hash=mark.bytes, name="Max", role="agent", **accepted
            ),
            "missed": lambda: Call(
                call_sid=f"CA{mark.hex}",
                direction="inbound",
                from_number=number,
                to_number=self.cast.number.e164,
                status="completed",
                outcome="missed",
            ),
            "number": lambda: Number(e164=number, e164_hash=mark.bytes, twilio_sid=f"PN{mark.hex}"),
            "organisation": lambda: Organisation(name=f"Other {mark}"),
            "order": lambda: NumberOrder(state=state, paid_by=f"member:{mark}", error_sentence="Wait."),
            "rule": lambda: PhraseRuleRow(definition=rule),
        }
        async with self.database.begin() as session:
            row: Any = rows[name]()
            row.id = mark
            if name != "organisation":
                row.organisation_id = a
            session.add(row)
            if pattern.endswith("/second-factor/reset"):
                await session.flush()
                factors = SecondFactors(session, a)
                await factors.confirm(mark, await factors.proposed(mark, "A" * 32), step=0)
        return mark

    async def _note(self) -> UUID:
        """A note of the owner's."""
        contact = await self._row("contact", "")
        async with self.database.begin() as session:
            return await ContactNotes(session, self.cast.a.id).add(contact, self.cast.alice.id, "has a dog")

    async def _delivery(self) -> tuple[UUID, UUID]:
        endpoint, event, delivery, a = uuid4(), uuid4(), uuid4(), self.cast.a.id
        async with self.database.begin() as session:
            session.add(self._endpoint(endpoint))
            session.add(WebhookEvent(id=event, organisation_id=a, type="call.ended", body="{}"))
            await session.flush()
            session.add(WebhookDelivery(id=delivery, organisation_id=a, endpoint_id=endpoint, event_id=event))
        return endpoint, delivery

    def _endpoint(self, mark: UUID) -> WebhookEndpoint:
        return WebhookEndpoint(
            id=mark,
            organisation_id=self.cast.a.id,
            url="https://hooks.example/",
            types=["call.ended"],
            secret="whsec_",
            created_by=self.cast.alice.id,
        )


@dataclass(frozen=True)
class Everybody:
    """A browser of each column, what they ask for, and all that can be asked."""

    members: Mapping[str, Member | None]
    browsers: Mapping[str, Browser]
    things: Things
    routes: Sequence[str]

    async def words(self, route: str) -> list[str]:
        """The row of a route as the application answers it."""
        found = []
        for column, browser in self.browsers.items():
            member = self.members[column]
            if route in _ENDS_A_SIGN_IN[1:] and member is not None:
                await browser.sign_in(member)
            asked = await self.things.asked(route, member)
            status, location = await _answer(browser, asked, browser.csrf)
            assert status < 500 or route == "GET /readyz", (column, route, status)
            found.append(_word(route, status, location, elsewhere=column == OTHER))
        return found


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[Account]:
    async with account() as opened:
        yield opened


@pytest.fixture
def settings(settings: Settings, twilio: Account) -> Settings:
    """Twilio and a place that makes test calls are there, so that nothing is answered by their absence."""
    return asking(settings, twilio).model_copy(update={"test_call_url": "http://127.0.0.1:9/"})


@pytest_asyncio.fixture
async def everybody(shop: Shop, cast: Cast, database: Database) -> Everybody:
    async with database.begin() as session:
        ada = await Members(session, cast.a.id).add(email="ada@acacia.example", name="Ada Ames", role="admin")
    members = dict(zip(COLUMNS, (cast.alice, ada, cast.sam, cast.bob, cast.charlie, None, None), strict=True))
    browsers = {column: shop.browser() for column in COLUMNS}
    for column, member in members.items():
        if member is not None:
            await browsers[column].sign_in(member)
    await operate(browsers[OPERATOR], database)
    customer, back = await shop.customer(cast.alice), f"{shop.site.url}/"
    checkout = await shop.api.create_checkout(Purchase(cast.a.id, customer, 1, back, back, key="table"))
    return Everybody(members, browsers, Things(shop, cast, checkout.id), _routes(shop.site.app))


def _routes(app: web.Application) -> Sequence[str]:
    """Every route once, ``GET /calls/{call}``; those that end a sign-in last."""
    found = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    return sorted(
        found,
        key=lambda route: (_ENDS_A_SIGN_IN.index(route) + 1 if route in _ENDS_A_SIGN_IN else 0, *route.split()[::-1]),
    )


def _table() -> Mapping[str, list[str]]:
    """What is written: by route, a word for each column."""
    lines = (line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| `"))
    return {route.strip("`"): cells for route, *cells in lines}


async def _answer(browser: Browser, asked: Asked, csrf: str = "") -> tuple[int, str]:
    """Status, and where it leads. The body is not waited for: some never end."""
    headers = {"Accept": "text/html"} | ({"X-CSRF-Token": csrf} if csrf else {})
    sent = browser.http.request(asked.method, asked.path, headers=headers, allow_redirects=False, **asked.body)
    async with sent as answer:
        return answer.status, answer.headers.get("Location", "")


def _word(route: str, status: int, location: str, *, elsewhere: bool) -> str:
    """What an answer says about the one who asked."""
    if status == 401 or (location.endswith("/sign-in") and route not in _ENDS_A_SIGN_IN):
        return "sign in"
    if status in (403, 405) or (status == 400 and route == "POST /stripe/webhook"):
        return "no"
    if status == 404:
        return "not found"
    return "own" if elsewhere else "yes"


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_cell_of_the_table_is_so(everybody: Everybody) -> None:
    """A route without a row fails, and so does a row without a route."""
    found = {route: await everybody.words(route) for route in everybody.routes}

    written = _table()
    assert set(written) - set(found) == set()
    assert [_line(route, words) for route, words in found.items() if words != written.get(route)] == []


def _line(route: str, words: list[str]) -> str:
    """A row as it would be written, if what it says is meant."""
    return f"| `{route}` | {' | '.join(words)} |"


def _members_only() -> Mapping[str, list[str]]:
    """The rows of routes that nobody but members may ask."""
    rows = {route: cells for route, cells in _table().items() if cells[NOBODY] == "sign in" != cells[0]}
    return {route: cells for route, cells in rows.items() if not route.split()[1].startswith(_NOT_MEMBERS)}


def test_nothing_of_another_organisation_can_be_named() -> None:
    named = {route: cells[COLUMNS.index(OTHER)] for route, cells in _members_only().items() if "{" in route}
    assert {route for route, word in named.items() if word != "not found"} == {_UNSEEN}


@pytest.mark.timeout(300)
async def test_no_change_without_the_pages_token(everybody: Everybody) -> None:
    """Another site's form has the cookie, and not the token: it changes nothing, whoever is signed in."""
    owner, changes = everybody.browsers["owner"], [route for route in _members_only() if route.startswith("POST")]
    let_in = []
    for route in changes:
        status, _ = await _answer(owner, await everybody.things.asked(route, everybody.members["owner"]))
        if status != 403:
            let_in.append(route)
    assert let_in == []
    assert len(changes) > 70


async def test_no_change_by_operators_without_their_pages_token(everybody: Everybody) -> None:
    operator, routes = everybody.browsers[OPERATOR], _table()
    changes = [route for route in routes if route.startswith("POST /operator") and routes[route][-1] == "yes"]
    asked = [await everybody.things.asked(route, None) for route in changes if "/sign-in" not in route]
    assert {(await _answer(operator, each))[0] for each in asked} == {403}
