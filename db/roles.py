"""The database role of web and provisioning: it may use the tables, but not alter them or change audit entries.

`db.migrate` makes it, as the owner of the tables, from the user and password in ``DATABASE_URL``; running it again
gives the role what new tables need, and the password of today.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

_ROUNDS = 4096  # as PostgreSQL's own scram_iterations
_EXISTS = text("SELECT rolsuper FROM pg_roles WHERE rolname = :name")
_QUOTED = text("SELECT format('%I', CAST(:name AS text)), format('%I', current_database())")
_MAY_READ = text("SELECT has_table_privilege(CAST(:name AS text), 'organisations', 'SELECT')")
_GRANTS = """
GRANT CONNECT ON DATABASE {database} TO {role};
GRANT USAGE ON SCHEMA public TO {role};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
REVOKE UPDATE, DELETE ON audit_entries, operator_entries FROM {role};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}
"""


class RoleError(Exception):
    """The role cannot be created as required. The text is for the operator."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role's name and password. Without a password, PostgreSQL's pg_hba.conf decides."""

    name: str
    password: str | None


def role_of(url: str) -> Role:
    """Return the role that ``url`` signs in as. Raise `RoleError` if it names none."""
    parsed = make_url(url)
    if not parsed.username:
        raise RoleError("DATABASE_URL: must name the user that web and provisioning sign in as")
    return Role(parsed.username, str(parsed.password) if parsed.password else None)


async def grant(session: AsyncSession, role: Role) -> None:
    """Create ``role`` if needed and grant what web and provisioning need. Idempotent. Raise `RoleError`."""
    await admit(session, role)
    await _grant(session, role)


async def grant_if_missing(session: AsyncSession, role: Role) -> None:
    """Do as `grant`, but leave the grants of a newer release alone, which knows best what the role may do.

    Its grants stay as they are; only where there are none, as after a restore, the role gets ours. Raise `RoleError`.
    """
    await admit(session, role)
    if not await session.scalar(_MAY_READ, {"name": role.name}):
        await _grant(session, role)


async def admit(session: AsyncSession, role: Role) -> None:
    """Create ``role`` if needed and give it its password. Idempotent. Raise `RoleError`."""
    is_superuser = await session.scalar(_EXISTS, {"name": role.name})
    if is_superuser:
        raise RoleError(f"DATABASE_URL: {role.name} is a superuser, whom nothing is forbidden; name another user")
    if role.name == await session.scalar(text("SELECT current_user")):
        raise RoleError(
            f"DATABASE_URL: {role.name} owns the tables; name another user, or leave MIGRATE_DATABASE_URL out"
        )
    name, _ = await _quoted(session, role)
    connection = await session.connection()
    if is_superuser is None:
        await connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    if role.password is not None:
        await connection.exec_driver_sql(f"ALTER ROLE {name} PASSWORD '{verifier(role.password)}'")


async def _grant(session: AsyncSession, role: Role) -> None:
    name, database = await _quoted(session, role)
    connection = await session.connection()
    for statement in _GRANTS.format(role=name, database=database).split(";"):
        await connection.exec_driver_sql(statement)


async def _quoted(session: AsyncSession, role: Role) -> tuple[str, str]:
    """Return the names of ``role`` and of the database as SQL identifiers."""
    name, database = (await session.execute(_QUOTED, {"name": role.name})).one()
    return name, database


def verifier(password: str, salt: bytes | None = None) -> str:
    """Return the SCRAM-SHA-256 verifier of ``password`` (RFC 5803), so that the server's log never sees it."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", hashlib.sha256)).digest()
    server = hmac.digest(salted, b"Server Key", hashlib.sha256)
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{encoded[0]}${encoded[1]}:{encoded[2]}"
