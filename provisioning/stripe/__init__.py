"""Stripe's API as we use it. Nothing is decided here.

`api` asks, by `client`: Stripe's own package, with its `settings`. `account` is how our account is set up,
`subscription` what Stripe shows of a customer's.
"""
