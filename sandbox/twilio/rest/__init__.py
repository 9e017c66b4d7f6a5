"""Twilio's REST APIs.

`framework` and `parameters` are what all share; `registry` is what the account has been given. `calls`, at a
`call_rate`, `conferences` and `participants` are live; `account`, `numbers`, `addresses`, `regulatory` and `routes`
are what numbers need.
"""
