"""From utterances to consoles.

`transcript` is a console's view of a call, and how an event changes it; `talk` counts who talked for how long. `hub`
sends events to every console of this node that may see the call: to those that follow it, as `following` says, all of
them, to the others the call's row when that has changed (`rows`). `replication` sends them to other nodes: those with
consoles of the organisation (`watching`), the one that takes a call over (`own_calls`), and one more that mirrors
each call in case this node dies (`mirrors`). `bus` publishes and receives events of calls, which contain no words;
`holds` knows which calls are on hold, `phrase_book` the phrase rules that web has sent. `accepted_tickets` lets each
ticket in once, on all nodes together; `member_consoles` counts the consoles of a member. `translations` has final
utterances translated for the readers who asked for it. `readers` knows which supervisors read a call, and what they
write to its agent.
"""
