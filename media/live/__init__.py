"""From utterances to consoles.

`transcript` is a console's view of a call, and how an event changes it. `hub` sends events to every console of this
node that may see the call. `replication` sends them to other nodes: those with consoles of the organisation
(`watching`), the one that takes a call over (`own_calls`), and one more that mirrors each call in case this node dies
(`mirrors`). `bus` publishes and receives events of calls, which contain no words. `accepted_tickets` lets each ticket
in once, on all nodes together; `member_consoles` counts the consoles of a member.
"""
