"""Static files, under URLs that change with their content, so that browsers may cache them for ever.

One hash stands for the whole folder, ``/static/{hash}/console/console.js``: a module that imports ``./title.js`` gets
the version that belongs to it, and nothing needs a build step. What a page needs is joined on the way: its sheets,
``/static/{hash}/base.css,controls.css``, and its script with all that it imports,
``/static/{hash}/console/console.joined.js``.
"""

from __future__ import annotations

import functools
import hashlib
import posixpath
from pathlib import Path

from aiohttp import web

from web.request.errors import NotFoundError
from web.request.static_files import joined_script

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
    ".map": "application/json",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
}
_KEPT = frozenset({".css", ".js", ".svg"})
"""Kept in memory: to open one takes longer than to send it."""
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
        self._modules = {name: text.decode() for name, text in self._texts.items() if name.endswith(".js")}
        self.hash = digest.hexdigest()[:16]
        self._places = {path.name: name for name, path in self._files.items()}

    def url(self, *names: str) -> str:
        """Return the URL of ``names``: of one file, or of several sheets together, in this order.

        Raise KeyError for a file that does not exist.
        """
        for name in names:
            self._files[name]
        return self._address(",".join(names))

    def script(self, module: str) -> str:
        """Return the URL of ``module`` with all that it imports.

        Raise ValueError for a module that does not exist, or cannot be joined.
        """
        self._join(module)
        return self._address(joined_script.joined_name(module))

    def path(self, name: str) -> Path | None:
        """Return the path of ``name``, None unless it was found at start: a client's path is never opened."""
        return self._files.get(name)

    def text(self, name: str) -> bytes | None:
        """Return the content of ``name`` if it is kept, as that of scripts and sheets is, or of what is joined.

        None also for what is no sheet among several, or is asked for twice.
        """
        if "," in name:
            return self._sheets(name.split(","))
        if (module := joined_script.module_of(name)) in self._modules:
            self._join(module)
        return self._texts.get(name)

    def moved(self, name: str) -> str | None:
        """Return the URL of the file that is called like ``name`` in whatever folder, None if there is none.

        Of several sheets, the URL of all of them; of a joined script, its own.
        """
        if (module := joined_script.module_of(name)) is not None:
            place = self._places.get(posixpath.basename(module))
            return None if place is None else self.script(place)
        names = name.split(",")
        places = [self._places.get(posixpath.basename(each), "") for each in names]
        return self.url(*places) if all(places) and places != names else None

    def _address(self, name: str) -> str:
        return f"/static/{self.hash}/{name}"

    def _sheets(self, names: list[str]) -> bytes | None:
        if len(set(names)) < len(names) or not all(each.endswith(".css") and each in self._texts for each in names):
            return None
        return b"\n".join(self._texts[each] for each in names)

    def _join(self, module: str) -> None:
        """Keep the joined script of ``module``, and its map."""
        name = joined_script.joined_name(module)
        if name not in self._texts:
            script = joined_script.join(module, self._modules)
            self._texts[name], self._texts[f"{name}.map"] = script.text.encode(), script.source_map.encode()


@functools.cache
def files_in(folder: Path) -> StaticFiles:
    """Return the files below ``folder``, which every application of a process has from its first one on."""
    return StaticFiles(folder)


STATIC_FILES: web.AppKey[StaticFiles] = web.AppKey("static_files")


@routes.get("/static/{hash}/{name:.+}")
async def static(request: web.Request) -> web.StreamResponse:
    """Serve a file, or several sheets as one. A page of an older version gets the current ones, uncached.

    If a file has moved since, it is redirected: a script's relative imports follow the URL that answered.
    """
    files, name = request.app[STATIC_FILES], request.match_info["name"]
    path, text = files.path(name), files.text(name)
    if path is None and text is None:
        moved = files.moved(name)
        if moved is None:
            raise NotFoundError
        raise web.HTTPFound(moved, headers={"Cache-Control": _ASK_AGAIN})
    current = request.match_info["hash"] == files.hash
    headers = {
        "Cache-Control": _FOR_EVER if current else _ASK_AGAIN,
        "Content-Type": _TYPES[posixpath.splitext(name)[1]],
    }
    if path is None or (current and text is not None):
        return web.Response(body=text, headers=headers)
    return web.FileResponse(path, headers=headers)  # which can also be asked for in parts, or whether it has changed


@routes.get("/favicon.ico")
async def favicon(request: web.Request) -> web.StreamResponse:
    """Redirect to the icon."""
    raise web.HTTPSeeOther(request.app[STATIC_FILES].url("bilby.svg"))
