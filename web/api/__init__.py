"""The API: what an organisation's own programs ask, under ``/api/v1``. Metadata of calls, never a word spoken in one.

`operations` says what an operation is, and `table` lists all of them. From that table come the routes, the
OpenAPI document (`document`) and the page that people read (`reference`), so that none can forget another::

    request ─► gate (key, limit, scope) ─► reading (query, body) ─► calls │ directory │ contacts │ contact_notes │
                                                                    blocked │ hooks ─► answer
                                              idempotency: a write that is sent twice is done once
               problems: every refusal, as RFC 9457 has it          cursors: where the next page begins
"""
