"""An id token counts if one of the provider's keys signed it, by an algorithm of two keys, for this sign-in."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from web.people.sso import tokens
from web.people.sso.tokens import TokenError

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
GOOD: dict[str, Any] = {
    "iss": "https://login.acacia.example",
    "sub": "1",
    "aud": "bilby",
    "exp": AT + 300,
    "iat": AT,
    "nonce": "n",
    "email": "bob@acacia.example",
}


@cache
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


def published(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def signed(claims: dict[str, Any], key: Any = None, alg: str = "RS256", **header: Any) -> str:
    key = key or rsa()
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, claims, key, [alg])


def check(token: str, keys: dict[str, Any] | None = None) -> dict[str, Any]:
    read = tokens.check(
        token,
        keys or published(rsa()),
        issuer="https://login.acacia.example",
        client_id="bilby",
        nonce="n",
        access_token="a",
        now=NOW,
    )
    return dict(read)


def fault(token: str, keys: dict[str, Any] | None = None) -> str:
    with pytest.raises(TokenError) as raised:
        check(token, keys)
    return raised.value.fault


def test_a_good_one_is_read() -> None:
    assert check(signed(GOOD)) == GOOD


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (ECKey.generate_key("P-256", {"kid": "e"}), "ES256"),
        (OKPKey.generate_key("Ed25519", {"kid": "o"}), "Ed25519"),
    ],
)
def test_other_algorithms_of_two_keys_do(key: Any, alg: str) -> None:
    assert check(signed(GOOD, key, alg), published(rsa(), key)) == GOOD


def test_keys_without_ids_are_tried_one_after_the_other() -> None:
    others = [RSAKey.generate_key(2048), ECKey.generate_key("P-256"), rsa()]
    keys = [{name: value for name, value in key.items() if name != "kid"} for key in published(*others)["keys"]]
    token = jwt.encode({"alg": "RS256"}, GOOD, rsa(), ["RS256"])
    assert check(token, {"keys": keys}) == GOOD


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_claim_that_is_missing_is_wrong(missing: str) -> None:
    assert fault(signed({name: value for name, value in GOOD.items() if name != missing})) == "bad_claim"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": AT - 61},
        {"exp": "tomorrow"},
        {"exp": None},
        {"nbf": AT + 61},
        {"iat": AT + 61},
        {"iss": "https://login.acacia.example/"},
        {"aud": "BILBY"},
        {"aud": []},
        {"aud": ["bilby", "other"]},
        {"aud": ["bilby", "other"], "azp": "other"},
        {"azp": "other"},
        {"nonce": ""},
        {"nonce": ["n"]},
    ],
)
def test_a_claim_of_something_else_is_wrong(changes: dict[str, Any]) -> None:
    assert fault(signed(GOOD | changes)) == "bad_claim"


@pytest.mark.parametrize("changes", [{"exp": AT - 30}, {"iat": AT + 30}, {"aud": ["bilby"]}, {"azp": "bilby"}])
def test_clocks_may_differ_and_one_audience_may_be_a_list(changes: dict[str, Any]) -> None:
    assert check(signed(GOOD | changes)) == GOOD | changes


def test_no_signature_is_none() -> None:
    parts = [urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in ({"alg": "none"}, GOOD)]
    assert fault(b".".join([*parts, b""]).decode()) == "bad_signature"


def test_a_public_key_is_no_shared_secret() -> None:
    """As if the verifier took the key's text, which everybody knows, for a secret of HMAC."""
    header = {"alg": "HS256", "kid": "one"}
    parts = [urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, GOOD)]
    signature = hmac.digest(rsa().as_pem(private=False), b".".join(parts), "sha256")
    token = b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")])
    assert fault(token.decode()) == "bad_signature"


def test_a_published_shared_secret_is_not_believed() -> None:
    secret = OctKey.generate_key(256, {"kid": "s"})
    assert fault(signed(GOOD, secret, "HS256"), {"keys": [secret.as_dict(private=True)]}) == "bad_signature"


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": "x"}, {"keys": [1, {"kty": "XX", "kid": "one"}]}])
def test_without_keys_nothing_is_believed(keys: dict[str, Any]) -> None:
    assert fault(signed(GOOD), keys or {"keys": []}) == "bad_signature"


def test_a_key_for_encryption_signs_nothing() -> None:
    keys = published(rsa())
    keys["keys"][0]["use"] = "enc"
    assert fault(signed(GOOD), keys) == "bad_signature"


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "ü.ü.ü", "." * 100, "e30.e30.e30", "x" * 40_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert fault(token) in ("bad_token", "bad_signature")


def test_a_changed_token_is_refused() -> None:
    header, claims, signature = signed(GOOD).split(".")
    forged = urlsafe_b64encode(json.dumps(GOOD | {"email": "alice@acacia.example"}).encode()).rstrip(b"=").decode()
    assert claims != forged
    assert fault(f"{header}.{forged}.{signature}") == "bad_signature"
