"""Names, addresses and numbers are unreadable at rest, found by hash, and outlive a rotation of keys."""

from __future__ import annotations

import asyncio
import sys

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from db import rotate
from db.encryption import EncryptingDialect, Keyring, UnreadableError
from db.engine import Database
from db.models import Base, Member
from db.queries import members, numbers, organisations
from db.queries.members import AddressTakenError, Members
from tests.kit.web.cast import Cast

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(st.text())
def test_what_is_encrypted_comes_back(plain: str) -> None:
    assert Keyring([NEW, OLD]).decrypt(Keyring([OLD]).encrypt(plain)) == plain


@given(st.text(), st.text())
def test_hashes_tell_texts_apart_and_keys_and_purposes(one: str, other: str) -> None:
    ring = Keyring([NEW, OLD])
    assert (ring.hash("email", one) == ring.hash("email", other)) == (one == other)
    assert ring.hash("email", one) != ring.hash("number", one)
    assert ring.hashes("email", one) == [ring.hash("email", one), Keyring([OLD]).hash("email", one)]


def test_a_value_under_a_key_that_is_gone_says_so() -> None:
    with pytest.raises(UnreadableError):
        Keyring([NEW]).decrypt(Keyring([OLD]).encrypt("Bob"))
    with pytest.raises(ValueError, match="key"):
        Keyring([])
    with pytest.raises(ValueError, match="32"):
        Keyring(["short"])


async def test_nothing_readable_lies_in_the_tables(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        for table in Base.metadata.sorted_tables:
            rows = (
                await session.execute(text(f"SELECT t::text, encode(t::text::bytea, 'escape') FROM {table.name} t"))
            ).all()
            kept = " ".join(str(row) for row in rows)
            # Long enough not to come up in ciphertext by chance.
            for readable in ("acacia", "Acacia", "Alice", "Bob Brown", "55501234", "55509876", "banksia"):
                assert readable not in kept, table.name
                assert readable.encode().hex() not in kept, table.name
    async with database.begin() as session:
        stored = (await session.execute(text("SELECT email FROM members"))).scalars().all()
        assert len(set(stored)) == 5
        assert all(value.startswith(b"gAAAA") for value in stored)


async def test_what_is_compiled_serves_every_engine_with_the_same_keys_and_no_other(database_url: str) -> None:
    assert EncryptingDialect(Keyring([OLD])) == EncryptingDialect(Keyring([OLD]))
    assert EncryptingDialect(Keyring([OLD])) != EncryptingDialect(Keyring([NEW, OLD]))
    one, same, other = (Database(database_url, keys) for keys in ([OLD], [OLD], [NEW]))
    try:
        async with one.begin() as session:
            organisation = await organisations.create(session, name="Acacia Clinic", status="active")
            await Members(session, organisation.id).add(email="bob@acacia.example", name="Bob Brown", role="agent")
        for database in (one, same):
            async with database.begin() as session:
                assert (await session.scalars(select(Member.name))).all() == ["Bob Brown"]
        async with other.begin() as session:
            with pytest.raises(UnreadableError):
                (await session.scalars(select(Member.name))).all()
    finally:
        for database in (one, same, other):
            await database.close()


async def test_members_and_numbers_are_found_by_any_spelling_of_theirs(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        found = await members.by_email(session, " ALICE@Acacia.example ")
        assert found is not None
        assert (found.id, found.name, found.organisation.name) == (cast.alice.id, "Alice Ashby", "Acacia Clinic")
        assert await members.by_email(session, "alice@acacia.exampl") is None
        number = await numbers.by_e164(session, cast.number.e164)
        assert number is not None
        assert number.organisation_id == cast.a.id


async def test_an_address_is_taken_until_its_member_is_removed(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        b = Members(session, cast.b.id)
        with pytest.raises(AddressTakenError):
            await b.add(email="BOB@acacia.example", name="Bob", role="agent")
        await Members(session, cast.a.id).remove(cast.bob.id)
        await b.add(email="BOB@acacia.example", name="Bob", role="agent")
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            session.add(
                Member(organisation_id=cast.a.id, email="x", email_hash=cast.alice.email_hash, name="x", role="agent")
            )


async def test_keys_rotate_without_a_pause(
    database_url: str, owner_url: str, cast: Cast, encryption_key: str
) -> None:
    both, new_only = Database(database_url, [NEW, encryption_key]), Database(database_url, [NEW])
    owners = Database(owner_url, [NEW, encryption_key])
    try:
        async with both.begin() as session:  # before: old rows are read and found, new rows are under the new key
            assert (await members.by_email(session, "bob@acacia.example")) is not None
            await Members(session, cast.a.id).add(email="eve@acacia.example", name="Eve", role="agent")
        async with both.begin() as session:
            count = await session.scalar(select(func.count()).select_from(Member))
        assert count == 6
        assert await rotate.rotate(owners, batch=2) == 2 + 6 + 2  # organisations, members, numbers
        assert await rotate.rotate(owners, batch=2) == 10  # again changes nothing that can be seen
        async with new_only.begin() as session:
            for email, name in (("bob@acacia.example", "Bob Brown"), ("eve@acacia.example", "Eve")):
                found = await members.by_email(session, email)
                assert found is not None
                assert (found.name, found.email) == (name, email)
            assert (await numbers.by_e164(session, cast.number.e164)) is not None
            organisation = await organisations.find(session, cast.b.id)
            assert organisation is not None
            assert organisation.name == "Banksia Books"
    finally:
        for each in (both, new_only, owners):
            await each.close()


async def test_the_commands_do_their_work(database_url: str, owner_url: str, cast: Cast, encryption_key: str) -> None:
    environment = {"DATABASE_URL": database_url, "MIGRATE_DATABASE_URL": owner_url}
    environment |= {"ENCRYPTION_KEYS": f"{NEW},{encryption_key}"}
    for module, said in (("db.migrate", b""), ("db.rotate", b"9 rows are under the first")):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env=environment, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert out.startswith(said)


async def test_rotation_with_the_old_key_gone_changes_nothing(owner_url: str, cast: Cast, database: Database) -> None:
    without = Database(owner_url, [NEW])
    try:
        with pytest.raises(UnreadableError):
            await rotate.rotate(without)
    finally:
        await without.close()
    async with database.begin() as session:
        found = await members.by_email(session, "bob@acacia.example")
        assert found is not None
        assert found.name == "Bob Brown"
