"""Scripts, styles and sounds are kept for ever under their hash; a page's sheets are joined, and so is its script."""

from __future__ import annotations

import re
from collections.abc import Callable

import aiohttp

from tests.kit.web.site import Browser, Site
from web.request.render import STATIC, TEMPLATES
from web.request.static_files.files import STATIC_FILES

Browsers = Callable[[], Browser]


async def test_static_files_are_kept_for_ever_under_their_hash(site: Site, browser: Browsers) -> None:
    files = site.app[STATIC_FILES]
    content = (STATIC / "base.css").read_text()
    kept = await browser().get(files.url("base.css"))
    assert await kept.text() == content
    assert (kept.status, kept.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in kept.headers["Cache-Control"]
    older = await browser().get("/static/0123456789abcdef/base.css")
    assert await older.text() == content
    assert (older.status, older.headers["Cache-Control"]) == (200, "no-cache")
    part = await browser().get(files.url("waiting/music.wav"), headers={"Range": "bytes=4-7"})
    sound = (STATIC / "waiting" / "music.wav").read_bytes()
    assert (part.status, await part.text("latin-1")) == (206, sound[4:8].decode("latin-1"))
    moved = await browser().get("/static/0123456789abcdef/console.js")
    assert (moved.status, moved.headers["Cache-Control"]) == (302, "no-cache")
    assert moved.headers["Location"] == files.url("console/console.js")
    for path in ("nothing.css", "../app.py", "..%2Fapp.py", "%2e%2e/app.py", "/etc/passwd", "%2Fetc%2Fpasswd"):
        async with aiohttp.ClientSession() as http, http.get(f"{site.url}/static/x/{path}") as answer:
            assert answer.status == 404
    assert (await browser().get("/favicon.ico")).status == 303


async def test_several_sheets_are_one_file(site: Site, browser: Browsers) -> None:
    files = site.app[STATIC_FILES]
    content = "\n".join((STATIC / name).read_text() for name in ("topbar.css", "base.css"))
    kept = await browser().get(files.url("topbar.css", "base.css"))
    assert await kept.text() == content
    assert (kept.status, kept.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in kept.headers["Cache-Control"]
    older = await browser().get("/static/0123456789abcdef/topbar.css,base.css")
    assert await older.text() == content
    assert (older.status, older.headers["Cache-Control"]) == (200, "no-cache")
    moved = await browser().get("/static/0123456789abcdef/topbar.css,wall.css")
    assert (moved.status, moved.headers["Cache-Control"]) == (302, "no-cache")
    assert moved.headers["Location"] == files.url("topbar.css", "console/wall/wall.css")
    for names in (
        "base.css,base.css",
        "base.css,dom.js",
        "base.css,nothing.css",
        "base.css,",
        ",",
        "dom.js,tabs.js",
    ):
        assert (await browser().get(f"/static/{files.hash}/{names}")).status == 404


async def test_a_script_brings_all_that_it_imports(site: Site, browser: Browsers) -> None:
    files = site.app[STATIC_FILES]
    url = files.script("console/console.js")
    assert url == files.url("bilby.svg").replace("bilby.svg", "console/console.joined.js")
    kept = await browser().get(url)
    assert (kept.status, kept.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in kept.headers["Cache-Control"]
    script = await kept.text()
    source_map = await browser().get(f"{url}.map")
    assert (source_map.status, source_map.headers["Content-Type"]) == (200, "application/json")
    older = await browser().get("/static/0123456789abcdef/console/console.joined.js")
    assert await older.text() == script
    assert (older.status, older.headers["Cache-Control"]) == (200, "no-cache")
    moved = await browser().get("/static/0123456789abcdef/console.joined.js")
    assert (moved.status, moved.headers["Cache-Control"]) == (302, "no-cache")
    assert moved.headers["Location"] == url
    for name in (
        "nothing.joined.js",
        "base.joined.css",
        "console/console.joined.js.txt",
        ".joined.js",
        "a,b.joined.js",
    ):
        assert (await browser().get(f"/static/{files.hash}/{name}")).status == 404


async def test_every_page_s_script_can_be_joined(site: Site) -> None:
    named = [
        name for page in TEMPLATES.rglob("*.html") for name in re.findall(r"script\('([^']+)'\)", page.read_text())
    ]
    assert "console/console.js" in named
    assert len({site.app[STATIC_FILES].script(name) for name in named}) == len(set(named))
