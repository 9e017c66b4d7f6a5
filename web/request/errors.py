"""How a request can fail, and the status each failure gets: one table.

    RefusalError             something we decided; its text is a sentence for the person who asked
    ├─ InvalidError          400   the request makes no sense
    ├─ NotSignedInError      401   or, for a page, off to /sign-in
    ├─ ForbiddenError        403   signed in, but not allowed to
    ├─ NotFoundError         404   there is none, or it is somebody else's: not told apart
    ├─ TooManyError          429   carries when to come back
    └─ UnavailableError      503   something we need is not there

A lost database is 503, text that the database cannot hold 400, and 499 is noted for a client that left before it had
sent everything. Whatever else is raised is our mistake: 500, with a reference that leads to the log, and nothing
more. `page` has the heading and the sentence of each status.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from db.engine import DatabaseUnavailableError, UnstorableError

CLIENT_LEFT = 499
"""No status of HTTP's, but known from nginx: for our own log and figures, for nobody is there to read it."""


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
    UnstorableError: 400,
    DatabaseUnavailableError: 503,
}

_PAGES: Mapping[int, tuple[str, str]] = {
    400: ("That request made no sense", "Go back and try again."),
    401: ("You are signed out", "Sign in again to go on."),
    402: ("This has to be paid for first", "Ask the owner of your organisation."),
    403: ("You may not do this", "Ask your admin if you think you should."),
    404: ("There is nothing here", "The page may have moved, or the address has a slip in it."),
    405: ("This address does not work that way", "Open the page again, and use its links and buttons."),
    406: ("We do not have that in the form you asked for", "Open the page in a browser."),
    408: ("That took too long to arrive", "Your connection may be slow. Please try again."),
    409: ("Something else has changed meanwhile", "Load the page again, look at it, then try once more."),
    410: ("This is no longer here", "It was used, has run out, or was taken back."),
    411: ("We were not told how much was coming", "Please try again."),
    412: ("Something else has changed meanwhile", "Load the page again, look at it, then try once more."),
    413: ("That was too much at once", "Send less and try again."),
    414: ("That address is too long", "Copy it once more, or open the page from its menu."),
    415: ("We cannot read what was sent", "Use the form on our page."),
    416: ("There is not that much of it", "Load the page again."),
    417: ("We cannot do what was asked beforehand", "Please try again."),
    422: ("We cannot use what was sent", "Check the form, then send it again."),
    426: ("This needs another way to connect", "Use a browser of the last few years."),
    428: ("Something was missing from that request", "Load the page again, then try once more."),
    429: ("That was too fast", "Wait a minute, then try again."),
    431: ("Your browser sent too much with that request", "Delete this site's cookies, then sign in again."),
    CLIENT_LEFT: ("You left before all of it had arrived", "Please send it again."),
    500: ("Something went wrong on our side", "Live calls go on. Please try again in a moment."),
    501: ("Bilby cannot do that", "Use the links and buttons of our pages."),
    502: ("Somebody we rely on did not answer properly", "Live calls go on. Please try again in a moment."),
    503: ("Bilby cannot answer just now", "Live calls go on. Please try again in a moment."),
    504: ("Somebody we rely on took too long", "Live calls go on. Please try again in a moment."),
}
_OTHER_REFUSAL = ("That did not work", "Go back and try again.")


def page(status: int) -> tuple[str, str]:
    """The heading and the sentence for ``status``, in a customer's words."""
    return _PAGES.get(status, _PAGES[500] if status >= 500 else _OTHER_REFUSAL)


def status_of(error: Exception) -> int:
    """The status for ``error``; 500 for what is in no line of the table."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
