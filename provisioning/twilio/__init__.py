"""Twilio's API as we use it. Nothing is decided here.

`numbers_api` and `bundles_api` ask, by `client`, with its `settings`; `errors` says of a failure what an admin can
do and whether a retry helps. `webhook_url` are the URLs that Twilio is given.
"""
