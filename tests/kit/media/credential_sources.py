"""Where AWS hands out a role's temporary credentials, emulated: EC2's metadata service, EKS's agent, STS.

Sources: "Use the Instance Metadata Service to access instance metadata" (EC2 User Guide, IMDSv2), "Container
credential provider" (AWS SDKs and Tools Reference Guide), "AssumeRoleWithWebIdentity" (STS API Reference).
"""

from __future__ import annotations

import itertools
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from aiohttp import web

IMDS_HOST, AGENT_HOST = "169.254.169.254", "169.254.170.23"
STS_HOST = "sts.ap-southeast-2.amazonaws.com"
ROLE, ROLE_ARN = "bilby-media", "arn:aws:iam::123456789012:role/bilby-media"
_LIFE = timedelta(seconds=5)  # SDKs keep for later only what lasts ten seconds or more
_SESSION, _SESSION_TTL = "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"


@dataclass
class Role:
    """The role's keys: ``keys`` holds the secret and ``tokens`` the session token of each good one.

    ``proof`` is what a pod must show, the text of its token file.
    """

    proof: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    issued: int = 0

    def issue(self) -> tuple[str, str, str, str]:
        """Return a new key id, its secret, its session token, and when it ends."""
        self.issued += 1
        key, secret, token = f"ASIA{self.issued:016}", secrets.token_urlsafe(30), secrets.token_urlsafe(90)
        self.keys[key], self.tokens[key] = secret, token
        return key, secret, token, (datetime.now(UTC) + _LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")

    def retire(self) -> None:
        """Let every key that was issued be good no longer."""
        self.keys.clear()
        self.tokens.clear()

    def as_json(self) -> dict[str, str]:
        """Return new credentials, as the metadata service and the agent write them."""
        key, secret, token, ends = self.issue()
        return {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": ends}


def instance_metadata(role: Role) -> web.Application:
    """Return IMDSv2, as an instance has it that demands a session (``HttpTokens: required``)."""
    sessions: set[str] = set()
    folder = "/latest/meta-data/iam/security-credentials/"

    async def begin(request: web.Request) -> web.Response:
        seconds = request.headers.get(_SESSION_TTL, "")
        if not seconds.isdecimal() or not 1 <= int(seconds) <= 21_600:
            raise web.HTTPBadRequest
        sessions.add(session := secrets.token_urlsafe(40))
        return web.Response(text=session, headers={_SESSION_TTL: seconds})

    def admit(request: web.Request) -> None:
        if request.headers.get(_SESSION) not in sessions:
            raise web.HTTPUnauthorized

    async def name(request: web.Request) -> web.Response:
        admit(request)
        return web.Response(text=ROLE)

    async def credentials(request: web.Request) -> web.Response:
        admit(request)
        stamps = {"Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC"}
        return web.json_response(stamps | role.as_json(), content_type="text/plain")

    app = web.Application()
    app.add_routes(
        [web.put("/latest/api/token", begin), web.get(folder, name), web.get(f"{folder}{ROLE}", credentials)]
    )
    return app


def pod_agent(role: Role) -> web.Application:
    """Return EKS's Pod Identity agent, which knows a pod by the token in its file."""

    async def credentials(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != role.proof:
            raise web.HTTPUnauthorized
        return web.json_response(role.as_json() | {"AccountId": "123456789012"})

    app = web.Application()
    app.add_routes([web.get("/v1/credentials", credentials)])
    return app


def token_service(role: Role) -> web.Application:
    """Return STS, of which IRSA asks one action: a role for the token in the pod's file."""
    requests = itertools.count()

    async def assume(request: web.Request) -> web.Response:
        form = parse_qs(await request.text())
        asked = {name: form.get(name, [""])[0] for name in ("Action", "Version", "RoleArn", "WebIdentityToken")}
        wanted = ("AssumeRoleWithWebIdentity", "2011-06-15", ROLE_ARN, role.proof)
        if tuple(asked.values()) != wanted or not form.get("RoleSessionName"):
            return web.Response(
                status=400, text="<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
            )
        key, secret, token, ends = role.issue()
        answer = f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <AssumedRoleUser><Arn>{ROLE_ARN}</Arn><AssumedRoleId>AROATEST:media</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SessionToken>{token}</SessionToken>
      <SecretAccessKey>{secret}</SecretAccessKey>
      <Expiration>{ends}</Expiration>
      <AccessKeyId>{key}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>{next(requests)}</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>"""
        return web.Response(text=answer, content_type="text/xml")

    app = web.Application()
    app.add_routes([web.post("/", assume)])
    return app


@asynccontextmanager
async def served(
    app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve ``app`` at an address that must be this machine's."""
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()
