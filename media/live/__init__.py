"""Words to consoles.

`transcript` is what a console knows of a call, and how an event changes it. `hub` tells every console of this node
that may see the call. `replication` sends words to other nodes: those with consoles of the organisation (`watching`),
the one that takes a call over (`own_calls`), and one more that keeps each call in case this node dies (`mirrors`).
`bus` hears and publishes what has no words in it.
"""
