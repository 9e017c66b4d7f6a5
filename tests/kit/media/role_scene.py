"""One scene of tests/media/test_roles.py, in namespaces of its own.

Run ``python -m tests.kit.media.role_scene SOURCE FOLDER``.

In them this machine has the link-local addresses that AWS's services have, and may replace ``/etc/hosts`` and the
certificate authorities without anybody else noticing. Ends with status 0 once both calls' words were seen.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox.engines.nats import NatsServer
from tests.kit.machines.certificate import self_signed
from tests.kit.media.credential_sources import (
    AGENT_HOST,
    IMDS_HOST,
    ROLE_ARN,
    STS_HOST,
    Role,
    instance_metadata,
    pod_agent,
    served,
    token_service,
)
from tests.kit.media.media_node import Distant, media_process, scripted_vendor

_PORT = 8081  # all are free here
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
Environment = dict[str, str]


@asynccontextmanager
async def instance(role: Role, folder: Path) -> AsyncIterator[Environment]:
    """An EC2 instance's role."""
    async with served(instance_metadata(role), IMDS_HOST, 80):
        yield {}


@asynccontextmanager
async def pod(role: Role, folder: Path) -> AsyncIterator[Environment]:
    """EKS Pod Identity, with the environment that EKS gives such a pod."""
    async with served(pod_agent(role), AGENT_HOST, 80):
        yield {
            "aws_container_credentials_full_uri": f"http://{AGENT_HOST}/v1/credentials",
            "aws_container_authorization_token_file": str(folder / "token"),
        }


@asynccontextmanager
async def service_account(role: Role, folder: Path) -> AsyncIterator[Environment]:
    """IRSA, with the environment that EKS gives such a pod."""
    certificate = self_signed(folder, STS_HOST)
    _replace(Path("/etc/hosts"), f"127.0.0.1 localhost {STS_HOST}\n", folder)
    _replace(_AUTHORITIES, certificate.read_text(), folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with served(token_service(role), "127.0.0.1", 443, tls):
        yield {"aws_role_arn": ROLE_ARN, "aws_web_identity_token_file": str(folder / "token")}


SOURCES = {"instance": instance, "pod": pod, "service_account": service_account}


async def two_calls(source: str, folder: Path) -> None:
    """Hear one call, let the role's keys and the pod's token change, and hear another."""
    role = Role()
    keys = {"access_keys": role.keys, "session_tokens": role.tokens}
    async with (
        SOURCES[source](role, folder) as environment,
        NatsServer(folder) as nats,
        scripted_vendor(**keys) as vendor,
    ):
        _show(role, folder, "first")
        unset: dict[str, Any] = {
            "aws_access_key_id": "",
            "aws_secret_access_key": "",
        }  # as compose passes what nobody has set
        async with media_process(nats, vendor, _PORT, program=("-m", "media"), **unset | environment) as node:
            await _hear(node, "the first call")
            _show(role, folder, "second")
            role.retire()
            await _hear(node, "the second call")
        assert (vendor.opened, vendor.refused) == (2, 0)


def _show(role: Role, folder: Path, proof: str) -> None:
    role.proof = f"{proof}.token.of-the-pod"
    (folder / "token").write_text(role.proof)


async def _hear(node: Distant, words: str) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say(words)
    await screen.until(lambda: screen.words(line.call) == words)


def _replace(path: Path, text: str, folder: Path) -> None:
    """Let ``path`` hold ``text``, in this mount namespace alone."""
    other = folder / path.name
    other.write_text(text)
    subprocess.run(["mount", "--bind", str(other), str(path)], check=True)


def _take_addresses() -> None:
    for command in (
        ["ip", "link", "set", "lo", "up"],
        *(["ip", "address", "add", f"{host}/32", "dev", "lo"] for host in (IMDS_HOST, AGENT_HOST)),
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    _take_addresses()
    asyncio.run(two_calls(sys.argv[1], Path(sys.argv[2])))
