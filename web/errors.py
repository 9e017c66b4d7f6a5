"""How a request can fail, and the status each failure gets: one table.

    RefusalError             something we decided; its text is a sentence for the person who asked
    ├─ InvalidError          400   the request makes no sense
    ├─ NotSignedInError      401   or, for a page, off to /sign-in
    ├─ ForbiddenError        403   signed in, but not allowed to
    ├─ NotFoundError         404   there is none, or it is somebody else's: not told apart
    ├─ TooManyError          429   carries when to come back
    └─ UnavailableError      503   something we need is not there

A lost database is 503. Whatever else is raised is our mistake: 500, with a reference that leads to the log, and
nothing more.
"""

from __future__ import annotations

from math import ceil

from db.engine import DatabaseUnavailableError


class RefusalError(Exception):
    """A request that is refused. The text is shown to the person who asked."""

    sentence = "That did not work."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class InvalidError(RefusalError):
    """What was sent makes no sense."""

    sentence = "That request made no sense. Go back and try again."


class NotSignedInError(RefusalError):
    """Nobody is signed in, or no longer."""

    sentence = "Sign in again to go on."


class ForbiddenError(RefusalError):
    """Not for this role, or not proved to come from our own page."""

    sentence = "You may not do this. Ask your admin if you think you should."


class NotFoundError(RefusalError):
    """No such thing, as far as this viewer may know."""

    sentence = "There is nothing here."


class TooManyError(RefusalError):
    """Too often. ``retry_after`` is in seconds, and goes out as Retry-After."""

    sentence = "That was too often. Please wait a little, then try again."

    def __init__(self, retry_after: float, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after

    @property
    def retry_after_header(self) -> str:
        """Whole seconds, rounded up."""
        return str(ceil(self.retry_after))


class UnavailableError(RefusalError):
    """Something we need is not there just now."""

    sentence = "Bilby cannot answer just now. Please try again in a moment."


STATUS: dict[type[Exception], int] = {
    InvalidError: 400,
    NotSignedInError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    TooManyError: 429,
    UnavailableError: 503,
    DatabaseUnavailableError: 503,
}


def status_of(error: Exception) -> int:
    """The status for ``error``; 500 for what is in no line of the table."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
