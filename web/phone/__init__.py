"""The phone of every member: who can be rung, what rings where, who waits, and what follows a call.

Postgres holds the truth; a NOTIFY tells every web process to look again (`nudges`). So one call goes by::

    conferences: the customer waits in a room ─► dispatcher ─ `ringing` decides ─► offers ─► board ─► `events`, a page
    page ─► answering: claim ─► the room's row, under a lock; the others' offers end ─► board
    the call ends ─► wrap_up ─► the call log; until it ends nobody rings there

`presence` says what a member is doing and whether their phone could ring, from what they chose and the heartbeat of
their console. A turn of the `dispatcher` is one look at the organisation (`looks`), a decision, and a `board`,
which `boards` hands to the pages; `telling` finds what is new to each of them. `turns` keeps it to one turn at a
time, `call_view` is a call as its member sees it, `consoles` takes what consoles send.
"""
