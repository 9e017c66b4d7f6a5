"""Node.js, to run our scripts without a browser."""

from __future__ import annotations

from playwright._impl._driver import compute_driver_executable


def node() -> str:
    """Return the one that Playwright brings along. It says nowhere in public where that is."""
    return compute_driver_executable()[0]
