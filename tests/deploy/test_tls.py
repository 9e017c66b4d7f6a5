"""TLS between the parts: the certificates that deploy/certificates.sh makes, under which each part speaks."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import nats
import pytest
from aiohttp import web

from runtime.tls import server_context
from sandbox.engines.nats import NatsServer
from tests.kit.machines.caddy import MEDIA_PORT, WEB_PORT, Proxy, loopback_host, proxy
from tests.kit.media.media_node import Address, media_node, scripted_vendor

_DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deploy/tls, as the script makes it."""
    folder = tmp_path_factory.mktemp("certificates")
    shutil.copy(_DEPLOY / "certificates.sh", folder)
    own = {name: str(os.getuid()) for name in ("MEDIA_USER", "WEB_USER", "POSTGRES_USER_ID", "NATS_USER")}
    subprocess.run([folder / "certificates.sh"], check=True, capture_output=True, env={"PATH": os.defpath} | own)
    return folder / "tls"


@pytest.fixture
async def caddy(tmp_path: Path, free_port: Callable[[], int], tls: Path) -> AsyncIterator[Proxy]:
    authority = str(tls / "authority" / "ca.crt")
    async with proxy(tmp_path, free_port, TO_OUR_PARTS="encrypted", TLS_AUTHORITY=authority) as running:
        yield running


async def test_words_pass_encrypted_from_caddy_to_media(caddy: Proxy, tmp_path: Path, tls: Path) -> None:
    host = loopback_host()
    caddy.serve("media", host)
    async with NatsServer(tmp_path / "nats") as bus, scripted_vendor() as vendor:
        settings = {"media_host": host, "media_public_url": caddy.media, "tls_folder": tls / "media"}
        async with media_node(bus, vendor, port=MEDIA_PORT, **settings) as node:  # type: ignore[arg-type]
            await node.connected()
            outside = Address(caddy.media)
            screen, line = await outside.screen(), await outside.call()
            await line.say("one two three")
            await screen.until(lambda: screen.words(line.call) == "one two three")
            await outside.close()


async def test_caddy_speaks_to_nobody_who_can_not_prove_to_be_web(caddy: Proxy, tls: Path) -> None:
    host = loopback_host()
    caddy.serve("web", host)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="page")

    statuses = []
    for certificate in ("web", "media"):
        app = web.Application()
        app.add_routes([web.get("/", page)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, host, WEB_PORT, ssl_context=server_context(tls / certificate)).start()
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-s", "-o", os.devnull, "-w", "%{http_code}", f"{caddy.web}/"), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await curl.communicate()
        statuses.append(said.decode())
        await runner.cleanup()
    assert statuses[0] == "200"
    assert statuses[1] in ("502", "503")


async def test_the_probe_looks_through_tls(free_port: Callable[[], int], tls: Path) -> None:
    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready")

    app = web.Application()
    app.add_routes([web.get("/readyz", ready)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=server_context(tls / "web")).start()
    statuses = []
    for arguments in (("--tls",), ()):
        probe = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-m", "runtime.probe", str(port), *arguments),
            cwd=_DEPLOY.parent,
            stdout=asyncio.subprocess.DEVNULL,
        )
        statuses.append(await probe.wait())
    await runner.cleanup()
    assert statuses == [0, 1]


async def test_nats_takes_its_certificate_beside_the_shipped_rules(tmp_path: Path, tls: Path) -> None:
    more = ("--tls", "--tlscert", str(tls / "nats" / "tls.crt"), "--tlskey", str(tls / "nats" / "tls.key"))
    async with NatsServer(tmp_path, more=more) as server:
        context = ssl.create_default_context(cafile=str(tls / "authority" / "ca.crt"))
        url = server.url("web").replace("nats://", "tls://")
        client = await nats.connect(url, tls=context, tls_hostname="nats", allow_reconnect=False)
        assert client.is_connected
        await client.close()


def test_a_folder_without_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tls\.crt"):
        server_context(tmp_path)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, tls: Path) -> None:
    shutil.copy(tls / "web" / "tls.crt", tmp_path)
    shutil.copy(tls / "media" / "tls.key", tmp_path)
    with pytest.raises(ValueError, match="KEY_VALUES_MISMATCH"):
        server_context(tmp_path)
