"""A browser's context in which a page may do nothing wrong that a person would not see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, expect


@asynccontextmanager
async def strict_context(
    window: Browser, *words: str, patience_ms: int = 30_000, **options: Any
) -> AsyncIterator[BrowserContext]:
    """A context with Playwright's ``options``, 1280 by 800 pixels unless they say otherwise.

    Fails at its end if a page broke its Content-Security-Policy, threw, or logged an error or one of the ``words``.
    ``patience_ms``: how long is waited, on a busy machine, for what takes less than a second.
    """
    thrown: list[str] = []
    logged: list[str] = []
    context = await window.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
    context.set_default_timeout(patience_ms)
    expect.set_options(timeout=patience_ms)
    context.on("console", lambda line: logged.append(line.text))
    context.on("weberror", lambda error: thrown.append(str(error.error)))
    yield context
    await context.close()
    assert thrown == []
    assert [line for line in logged if any(word in line for word in ("Security Policy", "Error:", *words))] == []
