"""The phone of every member: who can be rung, whose phone rings, who waits, and what follows a call.

Postgres holds the truth; a NOTIFY tells every web process to look again (`nudges`). So one call goes by::

    conferences: the customer waits in a room ─► dispatcher ─► looks: what is so ─► ringing: decides ─► rows of offers
        ─► board: what each member is shown ─► boards ─► telling: what is new ─► events ─► a page rings
    page ─► claims: the first has it, under the lock of the room's row; the others' offers end ─► board
    a member leaves the room ─► conferences/rooms begins their wrap-up ─► board ─► wrap_up stores what they say

How long a phone rings stands in the number's ringing plan (`web.numbers.ringing`); how long wrap-up lasts, in the
organisation's settings (`web.organisation.phone_settings`).

`presence` says what a member is doing and whether their phone could ring, from what they chose and the heartbeat of
their console, which `consoles` takes. `turns` lets the `dispatcher` look at an organisation once at a time;
`call_view` is a call as its member sees it, and `ring_delays` measures how late a page rings.
"""
