"""Names, e-mail addresses and phone numbers at rest: encrypted to read, keyed-hashed to find.

A `Keyring` holds the keys of ``ENCRYPTION_KEYS``. The first one encrypts and hashes; every one decrypts, and
a look-up tries the hash under every one. So a key is rotated without a pause: put the new key first, start every
process again with it, run ``python -m db.rotate``, take the old key out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeDecorator

Purpose = Literal["email", "number", "part", "rate", "origin", "fingerprint"]


class UnreadableError(Exception):
    """No key of ``ENCRYPTION_KEYS`` decrypts a stored value: one was removed before `db.rotate` ran."""


class Keyring:
    """Fernet keys (32 bytes, URL-safe base64), newest first. Raise ValueError for any other format."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._hash_keys = [_hash_key(key) for key in keys]
        self.fingerprints = [_hmac(key, "fingerprint", "").hex()[:6] for key in self._hash_keys]
        """Six hex digits for each key: they identify it and do not reveal it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyring) and self._hash_keys == other._hash_keys

    def __hash__(self) -> int:
        return hash(tuple(self._hash_keys))

    def encrypt(self, text: str) -> bytes:
        """Return ``text`` encrypted with the first key."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, stored: bytes) -> str:
        """Return the decrypted text, whichever key it was encrypted with. Raise `UnreadableError`."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken:
            raise UnreadableError("a stored value opens under none of ENCRYPTION_KEYS") from None

    def hash(self, purpose: Purpose, text: str) -> bytes:
        """Return HMAC-SHA256 of ``text`` under the first key, which a new row stores beside the encrypted value."""
        return _hmac(self._hash_keys[0], purpose, text)

    def hashes(self, purpose: Purpose, text: str) -> list[bytes]:
        """Return the hash of ``text`` under every key, for look-ups."""
        return [_hmac(key, purpose, text) for key in self._hash_keys]

    def by_hash(self, purpose: Purpose, texts: Iterable[str]) -> dict[bytes, str]:
        """Return each of ``texts`` by each of its hashes."""
        return {each: text for text in texts for each in self.hashes(purpose, text)}


def _hash_key(key: str) -> bytes:
    # A key of its own, so that the hash says nothing about the encryption and the other way round.
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"bilby: keyed hash")
    return derive.derive(base64.urlsafe_b64decode(key))


def _hmac(key: bytes, purpose: Purpose, text: str) -> bytes:
    # What came in a header may hold bytes that are no text; they are hashed as they are.
    return hmac.digest(key, f"{purpose}\0{text}".encode(errors="surrogatepass"), hashlib.sha256)


class EncryptingDialect(PGDialect_asyncpg):
    """Postgres by asyncpg, ``postgresql+bilby://``, with the keys of its engine's `Encrypted` columns.

    A column type is given the dialect and nothing else, so the dialect holds the keys. Dialects with the same keys
    are equal: what is compiled for one, keys and all, serves the others.
    """

    supports_statement_cache = True

    def __init__(self, keyring: Keyring, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        self.keyring = keyring

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncryptingDialect) and self.keyring == other.keyring

    def __hash__(self) -> int:
        return hash(self.keyring)


registry.register("postgresql.bilby", __name__, EncryptingDialect.__name__)


def keyring_of(session: AsyncSession) -> Keyring:
    """Return the keys of the engine behind ``session``, for look-ups by hash."""
    return _keyring(session.get_bind().dialect)


def _keyring(dialect: Dialect) -> Keyring:
    assert isinstance(dialect, EncryptingDialect), "encrypted columns are read through `db.engine.Database` alone"
    return dialect.keyring


class Encrypted(TypeDecorator[str]):
    """Text stored as Fernet ciphertext. Equal texts differ there: look up by a hash beside it."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _keyring(dialect).encrypt(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _keyring(dialect).decrypt(value)
