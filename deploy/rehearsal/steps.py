"""What is done to the host while calls go on: what RUNBOOK.md tells an operator to do, and what breaks."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.rehearsal import options
from deploy.rehearsal.host import StepError, compose, containers, ready, run, script

SETTLE_SECONDS = 4  # between steps: so that a loss can be distinguished from the next one's
PARTS = ("caddy", "nats", "postgres", "backup")  # one container each
NODES = ("web", "provisioning", "media")  # replaced one beside the other
_ALL_RESTARTED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the rehearsal's table."""

    name: str
    act: Callable[[], Awaitable[None]]
    recovery_seconds: float = 0.0
    """Until the calls have streams again, if everything is restarted at once: `web` first waits for their nodes."""
    signs_out: bool = False
    """Whether everybody has to sign in again; after every other step they must still be signed in."""


async def restart(service: str) -> None:
    """As an operator does."""
    await compose("restart", "--no-deps", service)
    await ready(service)


async def kill(service: str) -> None:
    """The process of one container dies at once; Docker starts it again."""
    (first, *_) = await containers(service)
    pid = (await run("docker", "inspect", "--format", "{{.State.Pid}}", first)).strip()
    os.kill(int(pid), signal.SIGKILL)
    await asyncio.sleep(1)
    await ready(service)


async def cut_nats() -> None:
    """Nobody reaches NATS for ten seconds; connections stay open and say nothing."""
    (nats,) = await containers("nats")
    await run("docker", "pause", nats)
    try:
        await asyncio.sleep(10)
    finally:
        await run("docker", "unpause", nats)
    await ready("nats")


async def fill_the_database() -> None:
    """Somebody else takes every connection that PostgreSQL gives, for ten seconds."""
    (postgres,) = await containers("postgres")
    hold = "for i in $(seq 120); do psql -U bilby -d bilby -c 'SELECT pg_sleep(10)' >/dev/null 2>&1 & done; wait"
    await run("docker", "exec", postgres, "sh", "-c", hold)
    await ready("web", "provisioning")


async def back_up() -> None:
    """A backup while calls go on; it counts only once it was restored beside the database and compared."""
    await compose("exec", "-T", "backup", "/backup/backup.sh", "once")


async def restore() -> None:
    """The database is lost, and the newest backup put in its place."""
    newest = await compose("exec", "-T", "backup", "sh", "-c", "ls /backups/bilby-*.dump | tail -n 1")
    await compose("stop", "web", "provisioning")
    again = "dropdb -U bilby --force bilby && createdb -U bilby bilby"
    await compose("exec", "-T", "postgres", "sh", "-c", again)
    await compose("exec", "-T", "backup", "/backup/restore.sh", newest.strip())
    await compose("up", "--detach", "--wait")
    await ready()


# In web's container: whether the rate limit counts the visitor's own network, by IPv6.
_COUNTED = """
import asyncio
from db.models import RateLimit
from sqlalchemy import select
from db.encryption import keyring_of
from web import config
from web.request import limits

async def main():
    database = config.read().database("rehearsal", pool_size=1)
    async with database.begin() as session:
        key = keyring_of(session).hash("rate", f"{limits.SIGN_IN_NETWORK.name}\\x00%s")
        print("counted" if key in set(await session.scalars(select(RateLimit.key))) else "not counted")
    await database.close()

asyncio.run(main())
"""


async def visit_by_ipv6() -> None:
    """Somebody asks for a sign-in link by IPv6: web must see their address, not Docker's."""
    host = ("--resolve", "app.bilby.test:443:[2001:db8:51::2]")
    url = "https://app.bilby.test/sign-in"
    headers = "Origin: https://app.bilby.test"
    authority = os.environ["SSL_CERT_FILE"]  # noqa: TID251 (as deploy/rehearse.sh sets it)
    form = "email=nobody@bilby.test"
    await run("curl", "-sS", "-6", "-o", "/dev/null", "--cacert", authority, *host, "-H", headers, "-d", form, url)
    counted = await compose("exec", "-T", "web", "python", "-", stdin=_COUNTED % "2001:db8:51::/64")
    if counted.strip() != "counted":
        raise StepError("web saw another address than the visitor's")


async def move_across_three() -> None:
    """Three nodes; one after another is stopped, so that calls move on, and some of them twice."""
    await compose("up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--scale", "media=3", "media")
    await ready("media")
    await script("replace", "media")
    extra = (await containers("media"))[-1]
    await run("docker", "stop", extra)
    await run("docker", "rm", extra)


def new_token(promote: Callable[[str], None]) -> Step:
    """Twilio's Auth Token: the secondary one is listed, promoted, and the old one taken out."""

    async def act() -> None:
        token = os.urandom(16).hex()
        await script("rotate", "TWILIO_AUTH_TOKENS", token)
        promote(token)
        await script("rotate", "--finish", "TWILIO_AUTH_TOKENS")

    return Step("rotate TWILIO_AUTH_TOKENS", act)


def rotation(name: str, *, finish: bool = True) -> Step:
    """A key of our own is replaced, and with ``finish`` the old one taken out at once."""

    async def act() -> None:
        await script("rotate", name)
        if finish:
            await script("rotate", "--finish", name)

    return Step(f"rotate {name}", act)


def finish(name: str, *, signs_out: bool) -> Step:
    """The old key of a rotation is taken out."""
    return Step(f"finish {name}", lambda: script("rotate", "--finish", name), signs_out=signs_out)


def all_steps(next_image: str, promote: Callable[[str], None]) -> list[Step]:
    """Everything, in an order in which an earlier step does not hide a later one's losses."""

    def of(name: str, act: Callable[..., Awaitable[None]], *arguments: str) -> Step:
        return Step(name, lambda: act(*arguments))

    return [
        Step("nothing", lambda: asyncio.sleep(10)),
        *(of(f"restart {part}", restart, part) for part in PARTS),
        *(of(f"replace {node}", script, "replace", node) for node in NODES),
        *(of(f"kill {part}", kill, part) for part in (*PARTS, *NODES)),
        of("update", script, "update", next_image),
        of("roll back", script, "rollback"),
        Step("cut NATS for 10 s", cut_nats),
        Step("fill PostgreSQL for 10 s", fill_the_database),
        Step("back up", back_up),
        Step("restore", restore),
        Step("visit by IPv6", visit_by_ipv6),
        Step("move across three nodes", move_across_three),
        rotation("SESSION_SECRET", finish=False),
        rotation("STREAM_SHARED_SECRET"),
        rotation("ENCRYPTION_KEYS"),
        new_token(promote),
        of("rotate POSTGRES_APP_PASSWORD", script, "rotate", "POSTGRES_APP_PASSWORD"),
        of("rotate POSTGRES_PASSWORD", script, "rotate", "POSTGRES_PASSWORD"),
        of("rotate POSTGRES_APP_PASSWORD again", script, "rotate", "POSTGRES_APP_PASSWORD"),
        of("rotate NATS", script, "rotate", "NATS"),
        finish("SESSION_SECRET", signs_out=True),  # as it is done at once, and not after twelve hours
        *(of(f"restart {node}", restart, node) for node in NODES),
        Step("TLS between the parts", options.encrypt, _ALL_RESTARTED_SECONDS),
        Step("secrets from files", options.secrets_from_files, _ALL_RESTARTED_SECONDS),
    ]


def chosen(steps: list[Step], pattern: str) -> list[Step]:
    """Those whose name ``pattern`` finds."""
    return [step for step in steps if re.search(pattern, step.name)]
