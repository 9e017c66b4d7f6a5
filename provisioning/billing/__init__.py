"""Stripe event -> rows: `events` takes one, `sync` writes what Stripe says, `notices` and `release` follow."""
