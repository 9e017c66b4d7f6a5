"""A cookie by which a browser is known again for some minutes: it, and not another one, asked for something.

It holds nothing that can be read or made up: a keyed hash of what was asked for.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from web.config import SETTINGS, Settings


@dataclass(frozen=True, slots=True)
class BrowserCookie:
    """The cookie of one purpose."""

    name: str
    lifetime: timedelta

    def remember(self, response: web.StreamResponse, settings: Settings, what: str) -> None:
        """Set the cookie: this browser asked for ``what``."""
        response.set_cookie(
            self._cookie(settings),
            self._hash(settings.session_secret.get_secret_value(), what),
            max_age=int(self.lifetime.total_seconds()),
            path="/",
            secure=settings.secure,
            httponly=True,
            samesite="Lax",
        )

    def forget(self, response: web.StreamResponse, settings: Settings) -> None:
        """Delete the cookie."""
        name = self._cookie(settings)
        response.del_cookie(name, path="/", secure=settings.secure, httponly=True, samesite="Lax")

    def is_here(self, request: web.Request, what: str) -> bool:
        """Return whether the browser that sent ``request`` asked for ``what``."""
        settings = request.app[SETTINGS]
        sent = request.cookies.get(self._cookie(settings), "").encode(errors="replace")
        hashes = (self._hash(secret, what).encode() for secret in settings.session_secret.accepted)
        return any(hmac.compare_digest(sent, each) for each in hashes)

    def _cookie(self, settings: Settings) -> str:
        return f"__Host-bilby_{self.name}" if settings.secure else f"bilby_{self.name}"

    def _hash(self, secret: str, what: str) -> str:
        text = f"{self.name}:{what}".encode(errors="surrogatepass")
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
