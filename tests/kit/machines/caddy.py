"""The shipped Caddyfile under a real Caddy, with a name server that tells it where `web` and `media` listen."""

from __future__ import annotations

import asyncio
import os
import secrets
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

WEB_PORT, MEDIA_PORT = 8080, 8081  # in the Caddyfile, as in the image
CADDYFILE = Path(__file__).parents[3] / "deploy" / "caddy" / "Caddyfile"
_START_SECONDS = 60


def loopback_host() -> str:
    """An address of this machine's own that nobody else is likely to listen on."""
    return "127." + ".".join(str(2 + secrets.randbelow(250)) for _ in range(3))


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers A queries from ``addresses``, by service; anything else does not exist. As Docker's DNS does."""

    addresses: dict[str, list[str]] = field(default_factory=lambda: {"web": [], "media": []})
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self.addresses.get(str(asked.name).split(".")[0], [])
        if not found:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(asked.name, 1, "IN", "A", *found))
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


@dataclass
class Proxy:
    """A running Caddy. ``web`` and ``media`` are the addresses of its two sites."""

    web: str
    media: str
    names: NameServer
    log: Path

    def serve(self, service: str, *hosts: str) -> None:
        """Let ``service`` run at ``hosts`` from now on."""
        self.names.addresses[service] = list(hosts)


@asynccontextmanager
async def proxy(folder: Path, free_port: Callable[[], int], **settings: str) -> AsyncIterator[Proxy]:
    """Run Caddy with the shipped file and more ``settings`` of it; both sites are plain HTTP on the loopback."""
    loop = asyncio.get_running_loop()
    names = NameServer()
    transport, _ = await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", 0))
    ports = [free_port() for _ in range(3)]
    sites = [f"http://127.0.0.1:{port}" for port in ports[:2]]
    log = folder / "caddy.log"
    environment = {
        "WEB_DOMAIN": sites[0],
        "MEDIA_DOMAIN": sites[1],
        "DNS_SERVER": f"127.0.0.1:{transport.get_extra_info('sockname')[1]}",
        "CADDY_ADMIN": f"127.0.0.1:{ports[2]}",
        **{name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")},
        "PATH": os.defpath,
    } | settings
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            Path(sysconfig.get_path("scripts")) / "caddy",
            *("run", "--config", CADDYFILE, "--adapter", "caddyfile"),
            env=environment,
            stdout=written,
            stderr=written,
        )
    try:
        await _answers(f"http://127.0.0.1:{ports[2]}/config/", log)
        yield Proxy(sites[0], sites[1].replace("http", "ws"), names, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        transport.close()


async def _answers(url: str, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"Caddy does not answer; see {log}") from None
