"""Check an id token: signed by a key that the provider has now, for us, for this sign-in, and not too old. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from authlib.oauth2.claims import ClaimsOption
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import Key, KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Asymmetric ones alone: whoever knows a shared secret could sign, and ``none`` is no signature."""
LEEWAY = 60  # seconds that the provider's clock may be off
LONGEST = 32 * 1024  # characters

Fault = Literal["bad_token", "bad_signature", "bad_claim"]


class TokenError(Exception):
    """Not a token for this sign-in. ``claim`` is the one that is wrong, if it is one."""

    def __init__(self, fault: Fault, claim: str = "") -> None:
        super().__init__(f"{fault} {claim}".strip())
        self.fault = fault
        self.claim = claim


def check(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: datetime,
) -> Mapping[str, Any]:
    """Return the claims of ``token``. Raise `TokenError`."""
    header, claims = _verified(token, keys)
    wanted: dict[str, ClaimsOption] = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    read = CodeIDToken(claims, header, wanted, params)
    try:
        read.validate(int(now.timestamp()), LEEWAY)
    except ClaimError as error:
        raise TokenError("bad_claim", str(error.claim)) from None
    except (JoseError, ValueError, TypeError, AttributeError):  # a claim of another type than it may have
        raise TokenError("bad_claim") from None
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise TokenError("bad_claim", "azp")
    return claims


def _verified(token: str, keys: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, once one of ``keys`` has signed them."""
    if len(token) > LONGEST:
        raise TokenError("bad_token")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError):
        raise TokenError("bad_token") from None
    for key in _candidates(keys, header.get("kid")):
        try:
            read = jwt.decode(token, key, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError):
            continue
        return dict(read.header), dict(read.claims)
    raise TokenError("bad_signature")


def _candidates(keys: Mapping[str, Any], kid: Any) -> Sequence[Key]:
    """Return the keys that may have signed: the one of that id, or without an id all that sign."""
    listed = keys.get("keys")
    if not isinstance(listed, list):
        return []
    found: list[Key] = []
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        if kid is not None and each.get("kid") != kid:
            continue
        try:
            found += KeySet.import_key_set({"keys": [each]}).keys
        except (JoseError, ValueError, TypeError, KeyError):  # of a kind that we do not know: not ours to refuse
            continue
    return found
