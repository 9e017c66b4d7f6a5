"""Static files, under URLs that change with their content, so that browsers may cache them for ever.

One hash stands for the whole folder, ``/static/{hash}/console/console.js``: a module that imports ``./title.js`` gets
the version that belongs to it, and nothing needs a build step.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from aiohttp import web

from web.request.errors import NotFoundError

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
}
_KEPT = frozenset({".css", ".js", ".svg"})
"""Kept in memory: a console asks for a hundred of them, and to open each takes longer than to send it."""

routes = web.RouteTableDef()


class StaticFiles:
    """The files below ``folder``, read at start; later changes need a restart."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TYPES)
        self._files = {path.relative_to(folder).as_posix(): path for path in paths}
        self._texts: dict[str, bytes] = {}
        digest = hashlib.sha256()
        for name, path in self._files.items():
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            if path.suffix in _KEPT:
                self._texts[name] = content
        self.hash = digest.hexdigest()[:16]
        self._places = {path.name: name for name, path in self._files.items()}

    def url(self, name: str) -> str:
        """Return the URL of ``name``. Raises KeyError for a file that does not exist."""
        self._files[name]
        return f"/static/{self.hash}/{name}"

    def path(self, name: str) -> Path | None:
        """Return the path of ``name``, None unless it was found at start: a client's path is never opened."""
        return self._files.get(name)

    def text(self, name: str) -> bytes | None:
        """Return the content of ``name`` if it is kept, as that of scripts and styles is."""
        return self._texts.get(name)

    def moved(self, name: str) -> str | None:
        """Return the URL of the file that is called like ``name`` in whatever folder, None if there is none."""
        place = self._places.get(name.rpartition("/")[2])
        return None if place is None else self.url(place)


@functools.cache
def files_in(folder: Path) -> StaticFiles:
    """Return the files below ``folder``, which every application of a process has from its first one on."""
    return StaticFiles(folder)


STATIC_FILES: web.AppKey[StaticFiles] = web.AppKey("static_files")


@routes.get("/static/{hash}/{name:.+}")
async def static(request: web.Request) -> web.StreamResponse:
    """Serve one file. A page of an older version gets the current file, uncached.

    If the file has moved since, it is redirected: a script's relative imports follow the URL that answered.
    """
    files, name = request.app[STATIC_FILES], request.match_info["name"]
    path = files.path(name)
    if path is None:
        moved = files.moved(name)
        if moved is None:
            raise NotFoundError
        raise web.HTTPFound(moved, headers={"Cache-Control": _ASK_AGAIN})
    current = request.match_info["hash"] == files.hash
    headers = {
        "Cache-Control": _FOR_EVER if current else _ASK_AGAIN,
        "Content-Type": _TYPES[path.suffix],
    }
    text = files.text(name)
    if current and text is not None:
        return web.Response(body=text, headers=headers)
    return web.FileResponse(path, headers=headers)  # which can also be asked for in parts, or whether it has changed


@routes.get("/favicon.ico")
async def favicon(request: web.Request) -> web.StreamResponse:
    """Redirect to the icon."""
    raise web.HTTPSeeOther(request.app[STATIC_FILES].url("bilby.svg"))
