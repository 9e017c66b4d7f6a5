"""What is stored: who pays, who may sign in, which numbers ring, and that a call took place.

Never what was said.

`models/` names the rows, one file for each group of nouns; `base` is what they are built from: the base class,
and the words that columns may hold. `call_progress` (states and outcomes of a call), `opening_hours`,
`public_holidays`, `email_addresses` are values that rows and pages share; `figures` counts for operators
what waits, `paging` is a page of a long list.

`engine.Database` opens transactions. `queries/` has one file for each aggregate; those of a tenant are classes
bound to one organisation, so that no query can forget the tenant. `encryption` keeps names, addresses and phone
numbers unreadable at rest. `roles` is who may do what to the tables, `settings` how one connects, `pooling`
whether a pooler in between is one that works.

`migrations/` is Alembic's, run by `python -m db.migrate`; `python -m db.rotate` moves every row to the first
encryption key, and `python -m db.recount` counts every day's calls again.
"""
