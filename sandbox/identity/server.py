"""The provider without HTTP: its client, codes, tokens and keys. Authlib decides; here is what it keeps."""

from __future__ import annotations

import functools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode
from joserfc.jwk import RSAKey

from sandbox.identity.people import Person

SCOPES = ("openid", "email", "profile")
CODE_SECONDS = 60
TOKEN_SECONDS = 300


@dataclass(slots=True)
class Faults:
    """What is wrong with the provider; nothing, unless somebody changes it."""

    claims: dict[str, Any] = field(default_factory=dict)
    """Put into the next tokens over what would stand there; None: left out."""
    signs_with_another_key: bool = False
    """Tokens are signed by a key that is not published, under the id of one that is."""
    status: int = 200
    """Any other: the answer to every request of a program, which says nothing else."""
    hang_seconds: float = 0.0
    thin: bool = False
    """The id token says no more than who it is about; the rest is asked for with the access token."""
    discovery: dict[str, Any] = field(default_factory=dict)
    """Put into the discovery document."""


class Client(ClientMixin):
    """The one program that is registered."""

    def __init__(self, client_id: str, secret: str, redirect_uris: list[str], auth_method: str) -> None:
        self.client_id = client_id
        self.secret = secret
        self.redirect_uris = redirect_uris
        self.auth_method = auth_method

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None  # every request has to name it

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True, slots=True)
class Code(AuthorizationCodeMixin):
    """An authorization code, good for a minute and for one use."""

    code: str
    person: Person
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    made_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.made_at)

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        return ["pwd"]


class Request(OAuth2Request):
    """A request as Authlib reads it. It insists on https, which a proxy would have taken off before us."""

    def __init__(self, method: str, query: Mapping[str, str], form: Mapping[str, str], headers: Any) -> None:
        super().__init__(method, "https://identity.example/", headers=headers)
        self._query, self._fields = dict(query), dict(form)
        self.payload = BasicOAuth2Payload(self._query | self._fields)

    @property
    def args(self) -> dict[str, str]:
        return self._query

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class Server(AuthorizationServer):
    """One provider: one client, some people, keys that can be changed."""

    def __init__(self, client: Client) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.issuer = ""
        self.client = client
        self.faults = Faults()
        self.codes: dict[str, Code] = {}
        self.nonces: set[str] = set()
        self.tokens: dict[str, Person] = {}
        self.keys = [_first_key()]
        """Published, the newest first: it signs."""
        self.register_token_generator("default", BearerTokenGenerator(_token, expires_generator=_lasts))
        self.register_grant(_Grant, [_Challenge(required=True), _OpenId(require_nonce=True)])

    def rotate(self) -> None:
        """Sign with a new key, and publish that alone."""
        self.keys = [_key()]

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: Mapping[str, Any], request: OAuth2Request) -> None:
        self.tokens[token["access_token"]] = request.user

    def create_oauth2_request(self, request: Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> web.Response:
        text = json.dumps(body) if isinstance(body, dict) else body
        return web.Response(status=status, text=text, headers=dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None: ...

    def about(self, person: Person) -> dict[str, Any]:
        """Return what the provider says of somebody."""
        said: dict[str, Any] = {
            "sub": person.sub,
            "email": person.email,
            "email_verified": person.is_verified,
            "name": person.name,
            "groups": list(person.groups),
        }
        said |= self.faults.claims
        return {name: value for name, value in said.items() if value is not None}


class _Challenge(CodeChallenge):
    """PKCE, of everybody: Authlib alone would let a client with a secret go without."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if not grant.request.payload.data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        super().validate_code_challenge(grant, redirect_uri)


class _OpenId(OpenIDCode):
    """The id token."""

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        server: Server = request.server
        return nonce in server.nonces

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        server: Server = self.server
        if not server.faults.signs_with_another_key:
            return server.keys[0]
        return RSAKey.generate_key(2048, {"kid": server.keys[0].kid or ""})

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        server: Server = self.server
        return {"iss": server.issuer, "aud": [client.client_id], "exp": int(time.time()) + TOKEN_SECONDS}

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        server: Server = self.server
        return {"alg": "RS256", "kid": server.keys[0].kid}

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:
        server: Server = self.server
        if server.faults.thin:
            return {"sub": user.sub}
        return server.about(user)

    def __call__(self, grant: Any) -> None:
        self.server = grant.server
        grant.request.server = grant.server
        super().__call__(grant)


class _Grant(AuthorizationCodeGrant):
    """Codes."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
    server: Server

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        sent = request.payload.data
        self.server.nonces.add(sent["nonce"])
        self.server.codes[code] = Code(
            code=code,
            person=request.user,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=sent["nonce"],
            code_challenge=sent["code_challenge"],
            code_challenge_method=sent["code_challenge_method"],
            made_at=time.time(),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        # Taken out at the first look, right or wrong: who guesses at it has used it up.
        found = self.server.codes.pop(code, None)
        return found if found is not None and time.time() < found.made_at + CODE_SECONDS else None

    def delete_authorization_code(self, authorization_code: Code) -> None: ...

    def authenticate_user(self, authorization_code: Code) -> Person:
        return authorization_code.person


@functools.cache
def _first_key() -> RSAKey:
    """Return the one that every server of this process begins with: to make one takes as long as to serve."""
    return _key()


def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})


def _token(*_: Any, **__: Any) -> str:
    return secrets.token_urlsafe(32)


def _lasts(*_: Any) -> int:
    return TOKEN_SECONDS
