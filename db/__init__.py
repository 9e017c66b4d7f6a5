"""What is kept: who pays, who may sign in, which numbers ring, and that a call took place.

Never what was said.

`models` names the rows. `engine.Database` opens transactions. `encryption` keeps names, addresses and phone
numbers unreadable at rest. One file of queries per aggregate (`organisations`, `members`, `sign_in_links`,
`numbers`, `calls`, `rate_limits`); those of a tenant are classes bound to one organisation, so that no query
can forget the tenant. `call_progress` is pure: what a callback makes of a call. `migrations/` is Alembic's, run
by `python -m db.migrate`; `python -m db.rotate` moves every row to the first encryption key.
"""
