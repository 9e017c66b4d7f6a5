"""Stripe's REST API: forms in, objects out.

`framework` is what all endpoints share, `form` and `parameters` read requests, `expansion` fills ids in. The
endpoints: `account`, `billing`, `checkout`, `customers`.
"""
