"""What axe-core says against a page. It is sent to a browser context once, and only what it found leaves it."""

from __future__ import annotations

from collections.abc import Iterable

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Error, Page

WIDTHS = (1280, 360)
_RUN = """
async (within) => {
  const { violations } = await axe.run(within || document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}
"""


async def violations(page: Page, within: str = "") -> list[str]:
    """Each rule that the page breaks as it is, and where; of the element ``within`` only, if that is given."""
    if not await page.evaluate("'axe' in globalThis"):
        await page.context.add_init_script(AXE_SCRIPT)  # for the pages that follow
        await page.evaluate(AXE_SCRIPT)
    found: list[str] = await page.evaluate(_RUN, within)
    return found


async def findings(page: Page, *widths: int) -> list[str]:
    """The violations of the page at each width of its window, by default a wide and a narrow one."""
    found = []
    for width in widths or WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        found += [f"{page.url} at {width}: {each}" for each in await violations(page)]
    return found


async def findings_of(page: Page, paths: Iterable[str]) -> list[str]:
    """The findings of several pages, one after the other, and the errors of their scripts that nobody caught."""
    found: list[str] = []

    def note(error: Error) -> None:
        found.append(f"{page.url}: {error.stack or error}")

    page.on("pageerror", note)
    for path in paths:
        await page.goto(path)
        found += await findings(page)
    page.remove_listener("pageerror", note)
    return found
