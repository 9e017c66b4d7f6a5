"""Scripts, styles and sounds are kept for ever under their hash; sheets are joined, and modules found beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.request.render import STATIC
from web.request.static_files import STATIC_FILES, StaticFiles

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


async def test_a_page_asks_at_once_for_the_modules_that_it_runs(cast: Cast, site: Site, browser: Browsers) -> None:
    """All of them and no other: else they come one after the other, or for nothing."""
    url = site.app[STATIC_FILES].url
    for member, is_wall in ((cast.bob, False), (cast.sam, True)):
        text = await (await (await browser().sign_in(member)).get("/console")).text()
        asked = set(re.findall(r'rel="modulepreload" href="([^"]+)"', text))
        assert {url("console/console.js"), url("console/phone/panels/wrap_up.js"), url("dom.js")} <= asked
        assert (url("console/wall/wall.js") in asked) == is_wall
        assert url("console/phone/phone_panel.js") not in asked


def test_modules_are_found_however_they_are_imported(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    texts = {
        "a/page.js": 'import "../one.js";\nimport {\n  two,\n} from "./two.js";\nexport { three } from "./three.js";',
        "one.js": 'import * as page from "./a/page.js";\n// import "./a/none.js";\nconst at = "./a/none.js";',
        "a/two.js": 'export const later = () => import("./none.js");\nexport const at = "./none.js";',
        "a/three.js": "",
        "a/none.js": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = StaticFiles(tmp_path)
    wanted = ("a/page.js", "one.js", "a/two.js", "a/three.js")
    assert files.modules("a/page.js") == [files.url(name) for name in wanted]
    assert files.modules("a/two.js", "one.js")[:2] == [files.url("a/two.js"), files.url("one.js")]
