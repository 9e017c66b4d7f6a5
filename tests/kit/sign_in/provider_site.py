"""An organisation that signs in at its own provider, and somebody who goes there and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from db.engine import Database
from db.models import IdentityProvider, Organisation
from db.queries.sign_in.identity_providers import IdentityProviders
from sandbox.identity.emulator import CLIENT_ID, Identity, identity
from sandbox.identity.people import Person
from tests.kit.web.site import Browser, Site

ALICE = Person("alice@acacia.example", "Alice Ashby", groups=("bilby-admins",))
BOB = Person("bob@acacia.example", "Bob Brown")
SAM = Person("sam@acacia.example", "Sam Singh")
ERIN = Person("erin@acacia.example", "Erin Eyre")
UNVERIFIED = Person("dana@acacia.example", "Dana Dow", is_verified=False)
OUTSIDER = Person("charlie@banksia.example", "Charlie Cho")


@asynccontextmanager
async def provider_at(
    site: Site, free_port: Callable[[], int], auth_method: str = "client_secret_post"
) -> AsyncIterator[Identity]:
    """A provider with accounts for Acacia's people, and for some others."""
    people = (ALICE, BOB, SAM, ERIN, UNVERIFIED, OUTSIDER)
    async with identity(
        port=free_port(), redirect_uris=[f"{site.url}/sso/return"], people=people, auth_method=auth_method
    ) as provider:
        yield provider


async def use(database: Database, organisation: Organisation, provider: Identity, **changes: Any) -> None:
    """Let ``organisation`` sign in at ``provider``; ``changes`` to what it wants of it."""
    wanted: dict[str, Any] = {
        "issuer": provider.url,
        "client_id": CLIENT_ID,
        "client_secret": provider.server.client.secret,
        "domains": ["acacia.example"],
        "role_claim": "",
        "role_values": {},
        "other_role": "agent",
        "is_enforced": False,
    }
    async with database.begin() as session:
        await IdentityProviders(session, organisation.id).keep(IdentityProvider(**wanted | changes))


async def go(browser: Browser, organisation: Organisation) -> str:
    """Where the provider asks who somebody is."""
    answer = await browser.get(f"/sso/{organisation.id}")
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def pick(there: str, person: Person | None) -> str:
    """Say at the provider who one is, as a browser does: the path at which Bilby takes one back."""
    async with aiohttp.ClientSession() as http:
        url = URL(there, encoded=True)
        async with http.get(url) as asked:
            assert asked.status == 200, await asked.text()
        form = {"person": person.email if person else ""}
        async with http.post(url, data=form, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return URL(answer.headers["Location"], encoded=True).raw_path_qs


async def there_and_back(
    browser: Browser, organisation: Organisation, person: Person | None
) -> aiohttp.ClientResponse:
    """What Bilby answers to who comes back from the provider."""
    return await browser.get(await pick(await go(browser, organisation), person))
