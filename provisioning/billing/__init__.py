"""Stripe event -> rows: `events` takes one, `sync` writes what Stripe says, `notices` and `release` follow.

`closing` ends an organisation: its subscription, its numbers, its rows.
"""
