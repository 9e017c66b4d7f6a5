"""Stripe event -> rows: `events` takes one, `sync` writes what Stripe says, `notices` and `release` follow.

`closing` ends an organisation: its subscription, its numbers, its rows.

`customers` are created and linked at Stripe before anything is paid; `seats` changes what owners change on our own
page.
"""
