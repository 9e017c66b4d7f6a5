"""The errors of a request and the HTTP status of each, in one table.

    RefusalError             a refusal of ours; its text is shown to the user
    ├─ InvalidError          400   the request is not valid
    ├─ NotSignedInError      401   pages redirect to /sign-in instead
    ├─ ForbiddenError        403   signed in, but without permission
    ├─ NotFoundError         404   missing, or another organisation's: the answer is the same
    ├─ ConflictError         409   what the page shows is no longer so; has a code for it
    ├─ TooSlowError          408   the body did not arrive in time
    ├─ TooLargeError         413   the body is too large, or has too many fields
    ├─ WrongTypeError        415   the body is of another kind than asked for
    ├─ TooManyError          429   with Retry-After
    └─ UnavailableError      503   a dependency is missing

A database that is unreachable is 503, text that it cannot store is 400, and 499 is logged for a client that
disconnected before it had sent everything. Any other exception is a bug: 500, with a reference to the log and no
details. `page` has the heading and the sentence of each status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import ceil

from aiohttp import web

from db.engine import DatabaseUnavailableError, UnstorableError

CLIENT_LEFT = 499
"""Not an HTTP status, but nginx's: used in our log and metrics only, since the client is gone."""


class RefusalError(Exception):
    """A refused request. The text is shown to the user."""

    sentence = "That did not work."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class InvalidError(RefusalError):
    """The request is not valid. ``field`` is the part of the address that is wrong, "" if it is no single one."""

    sentence = "That request was not valid. Go back and try again."

    def __init__(self, sentence: str | None = None, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class NotSignedInError(RefusalError):
    sentence = "Sign in again to continue."


class ForbiddenError(RefusalError):
    """The role lacks the permission, or the CSRF token is wrong."""

    sentence = "You do not have permission for this. Ask your admin if you need it."


class NotFoundError(RefusalError):
    """It does not exist, or the viewer may not know that it does."""

    sentence = "Page not found."


class ConflictError(RefusalError):
    """The command cannot be done now, and nothing has changed: ``code`` says why, for the page to act on.

    ``by`` is the name of the member who was faster, if that is the reason.
    """

    def __init__(self, code: str, sentence: str, by: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.by = by


class TooSlowError(RefusalError):
    """The body did not arrive in time."""

    sentence = "That took too long to arrive. Please try again."


class TooLargeError(RefusalError):
    """The body is too large, or has too many fields."""

    sentence = "That was too large. Send less and try again."


class WrongTypeError(RefusalError):
    """The body is of another kind than asked for."""

    sentence = "We cannot read what was sent. Use the form on our page."


class TooManyError(RefusalError):
    """A rate limit is exceeded. ``retry_after`` is in seconds, and becomes the Retry-After header.

    ``again`` shows the form that was sent once more, as it was filled in, in place of the page of errors.
    """

    sentence = "Too many requests. Please wait a moment, then try again."

    def __init__(self, retry_after: float, sentence: str | None = None, again: Again | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.again = again


Again = Callable[[TooManyError], Awaitable[web.Response]]
"""Show a form once more, with what the error says."""


class UnavailableError(RefusalError):
    """A service that we depend on is not available."""

    sentence = "Bilby is not available right now. Please try again in a moment."


STATUS: dict[type[Exception], int] = {
    InvalidError: 400,
    NotSignedInError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    TooSlowError: 408,
    TooLargeError: 413,
    WrongTypeError: 415,
    TooManyError: 429,
    UnavailableError: 503,
    UnstorableError: 400,
    DatabaseUnavailableError: 503,
}

_PAGES: Mapping[int, tuple[str, str]] = {
    400: ("That request was not valid", "Go back and try again."),
    401: ("You are signed out", "Sign in again to continue."),
    402: ("Payment is required first", "Ask the owner of your organisation."),
    403: ("You do not have permission for this", "Ask your admin if you need it."),
    404: ("Page not found", "It may have moved, or the address may be mistyped."),
    405: ("This request is not supported here", "Open the page again, and use its links and buttons."),
    406: ("This is not available in the requested format", "Open the page in a browser."),
    408: ("That took too long to arrive", "Your connection may be slow. Please try again."),
    409: ("This was changed in the meantime", "Reload the page, check it, then try again."),
    410: ("This is no longer here", "It was used, has expired, or was withdrawn."),
    411: ("The length of the request is missing", "Please try again."),
    412: ("This was changed in the meantime", "Reload the page, check it, then try again."),
    413: ("That was too large", "Send less and try again."),
    414: ("That address is too long", "Copy it again, or open the page from the menu."),
    415: ("We cannot read what was sent", "Use the form on our page."),
    416: ("That part does not exist", "Reload the page."),
    417: ("We cannot meet the request's conditions", "Please try again."),
    422: ("We cannot use what was sent", "Check the form, then send it again."),
    426: ("This needs a newer browser", "Use a browser from the last few years."),
    428: ("Something was missing from that request", "Reload the page, then try again."),
    429: ("Too many requests", "Wait a minute, then try again."),
    431: ("Your browser sent too much with that request", "Delete this site's cookies, then sign in again."),
    CLIENT_LEFT: ("The connection closed before everything arrived", "Please send it again."),
    500: ("Something went wrong on our side", "Live calls continue. Please try again in a moment."),
    501: ("Bilby cannot do that", "Use the links and buttons on our pages."),
    502: ("A service that we rely on failed", "Live calls continue. Please try again in a moment."),
    503: ("Bilby is not available right now", "Live calls continue. Please try again in a moment."),
    504: ("A service that we rely on took too long", "Live calls continue. Please try again in a moment."),
}
_OTHER_REFUSAL = ("That did not work", "Go back and try again.")


def whole_seconds(retry_after: float) -> int:
    """Return what a Retry-After header says: at least 1."""
    return max(1, ceil(retry_after))


def page(status: int) -> tuple[str, str]:
    """Return the heading and the sentence that a customer reads for ``status``."""
    return _PAGES.get(status, _PAGES[500] if status >= 500 else _OTHER_REFUSAL)


def status_of(error: Exception) -> int:
    """Return the HTTP status for ``error``; 500 if `STATUS` does not list it."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
