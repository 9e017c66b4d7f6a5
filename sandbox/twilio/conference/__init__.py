"""Conferences: rooms that legs are in together.

::

    <Dial><Conference> ─► attendance ─┐                ┌─► events: status callbacks, numbered
    REST Participants ──► invitation ─┴─► room (state) ┼─► audibility: who hears whom ─► mixer ─► each leg's track
                                          │            └─► station: what one hears who waits or is held
                                          rooms: by name and by sid

`room` and what it uses (`participant`, `audibility`, `mixer`, `events`) neither wait nor ask anything over
the network.
"""
