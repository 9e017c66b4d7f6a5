"""What the load meets: Postgres, an emulated Twilio that knows no call, one web process, an organisation at work."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiohttp import web
from cryptography.fernet import Fernet

from db import migrate
from db.engine import Database
from db.models import Member, Number
from db.queries import organisations
from db.queries.calls import Calls
from db.queries.members import Members
from db.queries.numbers import Numbers
from db.queries.phone.conferences import Conferences
from db.queries.phone.presence import Presences
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from sandbox.engines.postgres import EmbeddedPostgres
from sandbox.load.child import child, free_port
from sandbox.twilio.emulator import Behaviour, Number as Vendored, Twilio, TwilioSettings, twilio
from web.conferences import rooms
from web.conferences.machine import room as machine_room
from web.conferences.machine.room import CUSTOMER, Leg, Room
from web.config import Settings
from web.phone import presence
from web.phone.presence import ConsoleHeartbeat
from web.request import session as request_session

NUMBER = "+61255501234"
_ACCOUNT, _TOKEN, _KEY, _APP = "AC" + "0" * 32, "a" * 32, "SK" + "0" * 32, "AP" + "0" * 32
_HOUR = 3_600_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Site:
    """One that runs. The pids are web's and Postgres'."""

    settings: Settings
    vendor: Twilio
    members: list[Member]
    web: int
    postgres: int

    def browser(self, member: Member) -> tuple[aiohttp.ClientSession, dict[str, str]]:
        """Return a signed-in browser, and the headers with which it may change something."""
        return signed_in(self.settings, member.id)

    async def metrics(self, http: aiohttp.ClientSession) -> str:
        """Return web's metrics."""
        async with http.get(f"{self.settings.web_public_url}/metrics") as answer:
            return await answer.text()


def signed_in(settings: Settings, member: UUID) -> tuple[aiohttp.ClientSession, dict[str, str]]:
    """Return a signed-in browser of the web with ``settings``, and the headers with which it may change something."""
    answer = web.Response()
    sign_in = request_session.begin(answer, settings, member)
    (cookie,) = answer.cookies.values()
    headers = {"Cookie": f"{cookie.key}={cookie.value}"}
    http = aiohttp.ClientSession(settings.web_public_url, headers=headers, timeout=aiohttp.ClientTimeout(30))
    csrf = request_session.csrf_token(sign_in, settings)
    return http, {request_session.CSRF_HEADER: csrf, "Accept": "application/json"}


@asynccontextmanager
async def site(
    folder: Path, agents: int, calls: int, command: Sequence[str] = ("-m", "web"), routing: str = "rooms"
) -> AsyncIterator[Site]:
    """Run all of it: ``agents`` who are available, and ``calls`` that were handed over to somebody outside."""
    port = free_port()
    async with EmbeddedPostgres(folder) as postgres, twilio(_account(f"http://127.0.0.1:{port}")) as vendor:
        assert postgres.child is not None
        variables = environment(postgres.sqlalchemy_url, vendor.url, port) | {"CALL_ROUTING": routing}
        settings = Settings.model_validate({name.lower(): value for name, value in variables.items()})
        await _do_not_wait_for_disks(postgres.dsn)
        key = variables["ENCRYPTION_KEYS"]
        database = Database(postgres.sqlalchemy_url, [key], pool_size=2)
        await migrate.upgrade(database)
        number, members = await _people(database, agents)
        for _ in range(calls):
            await _talk(database, number)
        async with child([sys.executable, *command], variables, settings.web_port, signal.SIGTERM) as pid:
            yield Site(settings, vendor, members, pid, postgres.child.process.pid)
        await database.close()


def _account(web: str) -> TwilioSettings:
    return TwilioSettings(
        account_sid=_ACCOUNT,
        auth_token=_TOKEN,
        api_key_sid=_KEY,
        api_key_secret="k" * 32,
        twiml_app_sid=_APP,
        twiml_app_voice_url=f"{web}/twilio/voice/outbound",
        numbers=(Vendored(NUMBER, f"{web}/twilio/voice/inbound"),),
        agent=Behaviour(after=0.5),
        port=0,
    )


def environment(database: str, vendor: str, port: int) -> dict[str, str]:
    """Return the settings of the web process."""
    return {
        "LOG_LEVEL": "WARNING",
        "DATABASE_URL": database,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "NATS_URL": f"nats://web:web@127.0.0.1:{free_port()}",  # nobody is there: calls need none
        "WEB_HOST": "127.0.0.1",
        "WEB_PORT": str(port),
        "WEB_DRAIN_SECONDS": "0",
        "WEB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MEDIA_PUBLIC_URL": "ws://127.0.0.1:1",
        "SESSION_SECRET": secrets.token_hex(32),
        "STREAM_SHARED_SECRET": secrets.token_hex(32),
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "Bilby <bilby@bilby.example>",
        "TWILIO_ACCOUNT_SID": _ACCOUNT,
        "TWILIO_AUTH_TOKENS": _TOKEN,
        "TWILIO_API_KEY_SID": _KEY,
        "TWILIO_API_KEY_SECRET": "k" * 32,
        "TWILIO_TWIML_APP_SID": _APP,
        "TWILIO_API_BASE": vendor,
    }


async def _do_not_wait_for_disks(dsn: str) -> None:
    """Let commits not wait for a disk that is shared with others: it would be the whole figure."""
    owner = await asyncpg.connect(dsn)
    await owner.execute("ALTER SYSTEM SET synchronous_commit = off")
    await owner.execute("SELECT pg_reload_conf()")
    await owner.close()


async def _people(database: Database, members: int) -> tuple[Number, list[Member]]:
    """Found an organisation whose number rings at everybody at once."""
    async with database.begin() as session:
        organisation = await organisations.create(session, name="Load", status="active")
        number = await Numbers(session, organisation.id).add(e164=NUMBER, twilio_sid=f"PN{'a' * 32}")
        await RingingPlans(session, organisation.id).set(number.id, RingingPlan("all", wait_seconds=600))
        team, rows = Members(session, organisation.id), Presences(session, organisation.id)
        found = [
            await team.add(email=f"agent{place}@load.example", name=f"Agent {place}", role="agent")
            for place in range(members)
        ]
        now = await rows.now()
        for member in found:
            stored = await rows.locked(member.id)
            assert stored is not None
            on = presence.chosen(stored, "available", None, now)
            await rows.store(
                member.id,
                presence.after_heartbeat(on, ConsoleHeartbeat("desk", registered=True, microphone=True), now),
            )
        return number, found


async def _talk(database: Database, number: Number) -> None:
    """Let a call go on about which nothing will happen."""
    sid, caller, now = f"CA{uuid4().hex}", f"+614{secrets.randbelow(10**8):08}", rooms.now_ms()
    async with database.begin() as session:
        row = await Calls(session, number.organisation_id).open(
            sid,
            direction="inbound",
            from_number=caller,
            to_number=number.e164,
            number_id=number.id,
            customer=caller,
        )
        there = Leg(CUSTOMER, sid, "joined", f"CF{row.id.hex}", joined_at=now)
        outside = replace(there, label="outside-1", call_sid=f"CA{uuid4().hex}", bound=True, bound_wanted=True)
        room = Room(
            "inbound",
            there,
            phase="talking",
            since=now,
            legs=(outside,),
            outside=1,
            has_waited=True,
            was_answered=True,
            line=number.e164,
            heard_at=now + _HOUR,  # Twilio is not asked about it meanwhile
        )
        await Conferences(session, number.organisation_id).open(
            row.id, phase=room.phase, state=machine_room.to_json(room), wakes_at=None
        )
