"""Stripe's clock: it runs with the wall's and may be moved forward. What falls due on the way is played in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sandbox.stripe.account import Account, Object
from sandbox.stripe.billing import checkout_sessions, collection, lifecycle, subscriptions
from sandbox.stripe.billing.amounts import DAY

MOST_AT_ONCE = 20_000  # things played in one move; a loop without end would be a fault of ours

Due = tuple[int, Callable[[], object]]
_RENEWS = ("active", "trialing", "past_due", "unpaid")


class Clock:
    """The time of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def now(self) -> int:
        """Unix seconds."""
        return self._account.now()

    def advance(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Let that much time pass at once. Raise `ValueError` for a way back."""
        more = days * DAY + hours * 3600 + seconds
        if more < 0:
            raise ValueError("the clock goes forward only")
        target = self.now() + int(more)
        self._play(target)
        self._account.ahead += more

    def to_renewal(self, subscription: Object, *, and_hours: float = 2) -> None:
        """Advance past the end of the subscription's period, and past its draft's hour."""
        left = lifecycle.period_end(subscription) - self.now()
        self.advance(seconds=max(0, left), hours=and_hours)

    def catch_up(self) -> None:
        """Play what the passing of real time has made due."""
        self._play(self.now())

    def _play(self, target: int) -> None:
        account = self._account
        try:
            for _ in range(MOST_AT_ONCE):
                due = min(_due(account), key=lambda one: one[0], default=None)
                if due is None or due[0] > target:
                    return
                account.moment = max(due[0], account.moment or 0)
                due[1]()
        finally:
            account.moment = None


def _due(account: Account) -> Iterator[Due]:
    """Return everything that waits for a moment, in no order."""
    for one in account.objects.values():
        match one["object"]:
            case "checkout.session" if one["status"] == "open":
                yield one["expires_at"], partial(checkout_sessions.expire, account, one)
            case "subscription":
                yield from _subscription(account, one)
            case "invoice":
                yield from _invoice(account, one)
            case "payment_intent" if one["status"] == "processing" and "settles_at" in account.note(one["id"]):
                yield account.note(one["id"])["settles_at"], partial(collection.settle, account, one)


def _subscription(account: Account, one: Object) -> Iterator[Due]:
    if one["status"] in _RENEWS:
        yield lifecycle.period_end(one), partial(subscriptions.renew, account, one)
        if one["cancel_at"] and not one["cancel_at_period_end"]:
            yield one["cancel_at"], partial(lifecycle.end, account, one)


def _invoice(account: Account, one: Object) -> Iterator[Due]:
    if one["status"] == "draft" and one["automatically_finalizes_at"] is not None:
        yield one["automatically_finalizes_at"], partial(subscriptions.advance, account, one)
    if one["status"] == "open" and one["next_payment_attempt"] is not None:
        yield one["next_payment_attempt"], partial(collection.collect, account, one, present=False)
