"""What is kept: who pays, who may sign in, which numbers ring, and that a call took place.

Never what was said.

`models` names the rows. `engine.Database` opens transactions. `encryption` keeps names, addresses and phone numbers
unreadable at rest. `queries/` has one file for each aggregate; those of a tenant are classes bound to one
organisation, so that no query can forget the tenant. `roles` is who may do what to the tables, `pooling` whether a
pooler in between is one that works. `migrations/` is Alembic's, run by `python -m db.migrate`; `python -m db.rotate`
moves every row to the first encryption key, and `python -m db.recount` counts every day's calls again.
"""
