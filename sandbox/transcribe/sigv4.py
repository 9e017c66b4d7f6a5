"""Check a request that was signed with AWS Signature Version 4: into its URL, without a body, or in headers. Pure.

Source: "Create a signed AWS API request" in the IAM user guide, and Amazon Transcribe's "Setting up a
WebSocket stream". What is wrong comes out as the name and words of AWS's own error.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from sandbox.transcribe.errors import AwsError

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST_SECONDS = 300  # Transcribe's own limit of X-Amz-Expires
_SKEW = timedelta(minutes=5)  # how far ahead the signer's clock may be
_REQUIRED = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """What a service knows of its clients: secrets by access key id, and the token of each temporary one."""

    secrets: Mapping[str, str]
    tokens: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Signature:
    """A request's signing parameters."""

    key: str
    scope: str
    date: str
    expires: int
    token: str | None
    signature: str


def verify(path: str, query: str, host: str, *, keys: Keys, region: str, service: str, now: datetime) -> None:
    """Check a GET of ``path?query`` as it was sent with this ``Host``. Raise `AwsError`."""
    sent = parameters(query)
    signature = _signature(dict(sent), region, service)
    _check_time(signature, now)
    secret = _secret(signature, keys)
    to_sign = _string_to_sign(signature, _canonical_request(path, sent, host))
    expected = _sign(secret, signature.scope, to_sign)
    if not hmac.compare_digest(expected, signature.signature.encode()):
        raise _mismatch()


def verify_post(
    headers: Mapping[str, str], body: bytes, *, keys: Keys, region: str, service: str, now: datetime
) -> None:
    """Check a POST to ``/`` that was signed in its headers, whose names are in lower case. Raise `AwsError`."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme != ALGORITHM:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    signed_names = parts.get("SignedHeaders", "").split(";")
    if not {"host", "x-amz-date"}.issubset(signed_names) or signed_names != sorted(signed_names):
        raise _incomplete("'Host' and 'X-Amz-Date' must be signed headers, in order.")
    if any(name.startswith("x-amz-") and name not in signed_names for name in headers):
        raise _incomplete("Every X-Amz header must be signed.")
    digest = hashlib.sha256(body).hexdigest()
    if headers.get("x-amz-content-sha256", digest) != digest:
        raise _mismatch()
    key, _, scope = parts.get("Credential", "").partition("/")
    signature = _Signature(
        key,
        scope,
        headers.get("x-amz-date", ""),
        LONGEST_SECONDS,
        headers.get("x-amz-security-token"),
        parts.get("Signature", ""),
    )
    _check_scope(signature, region, service)
    _check_time(signature, now)
    secret = _secret(signature, keys)
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed_names]
    canonical = "\n".join(["POST", "/", "", *lines, "", ";".join(signed_names), digest])
    expected = _sign(secret, signature.scope, _string_to_sign(signature, canonical))
    if not hmac.compare_digest(expected, signature.signature.encode()):
        raise _mismatch()


def parameters(query: str) -> list[tuple[str, str]]:
    """Return names and values in ``query``. As AWS reads it: a plus is a plus, only %20 is a space."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _signature(query: Mapping[str, str], region: str, service: str) -> _Signature:
    if not all(query.get(f"X-Amz-{name}") for name in _REQUIRED):
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    key, _, scope = query["X-Amz-Credential"].partition("/")
    date = query["X-Amz-Date"]
    if query["X-Amz-Algorithm"] != ALGORITHM or query["X-Amz-SignedHeaders"] != "host":
        raise _incomplete("'Host' must be the only signed header, and AWS4-HMAC-SHA256 the algorithm.")
    expires = query["X-Amz-Expires"]
    if not expires.isascii() or not expires.isdigit() or not 1 <= int(expires) <= LONGEST_SECONDS:
        raise _incomplete(f"X-Amz-Expires must be between 1 and {LONGEST_SECONDS} seconds.")
    token = query.get("X-Amz-Security-Token")
    signature = _Signature(key, scope, date, int(expires), token, query["X-Amz-Signature"])
    _check_scope(signature, region, service)
    return signature


def _check_scope(signature: _Signature, region: str, service: str) -> None:
    if signature.scope != f"{signature.date[:8]}/{region}/{service}/aws4_request":
        raise AwsError(
            "InvalidSignatureException",
            f"Credential should be scoped to a valid region and correct service: '{region}/{service}'.",
        )


def _mismatch() -> AwsError:
    return AwsError(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
    )


def _incomplete(text: str) -> AwsError:
    return AwsError("IncompleteSignatureException", text)


def _check_time(signature: _Signature, now: datetime) -> None:
    try:
        signed = datetime.strptime(signature.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete("Date must be in ISO-8601 'basic format'.") from None
    if signed > now + _SKEW:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature not yet current: {signature.date} is still later than {_basic(now + _SKEW)} "
            f"({_basic(now)} + 5 min.)",
        )
    life = timedelta(seconds=signature.expires)
    if now > signed + life:
        raise AwsError(
            "InvalidSignatureException",
            f"Signature expired: {signature.date} is now earlier than {_basic(now - life)} "
            f"({_basic(now)} - {signature.expires // 60} min.)",
        )


def _basic(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _secret(signature: _Signature, keys: Keys) -> str:
    """Return the secret of the key that signed, if the token belongs to it."""
    secret = keys.secrets.get(signature.key)
    if secret is None or signature.token != keys.tokens.get(signature.key):
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    return secret


def _canonical_request(path: str, sent: list[tuple[str, str]], host: str) -> str:
    signed = sorted(
        (quote(name, safe="~"), quote(value, safe="~")) for name, value in sent if name != "X-Amz-Signature"
    )
    query = "&".join(f"{name}={value}" for name, value in signed)
    return "\n".join(["GET", path, query, f"host:{host}", "", "host", _EMPTY_HASH])


def _string_to_sign(signature: _Signature, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join([ALGORITHM, signature.date, signature.scope, digest])


def _sign(secret: str, scope: str, to_sign: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (*scope.split("/"), to_sign):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key.hex().encode()
