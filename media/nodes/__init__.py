"""What the nodes tell each other, and web tells them, over NATS; nothing of it is stored.

`replication` sends the words of calls to other nodes: those with consoles of the organisation (`watching`), the one
that takes a call over, and one more that mirrors each call in case this node dies (`mirrors`). `requests` are what
this node asks the others for, `answers` what it tells those that ask, `received` what it makes of their words.
`own_calls` are those that live here, `remote_calls` what was noticed of the others. `last_heard` says how far a call
that came from another node was heard there. `bus` publishes and receives events of calls, which contain no words;
`phrase_book` receives web's phrase rules.

About consoles: `accepted_tickets` lets each ticket in once, on all nodes together; `member_consoles` counts the
consoles of a member; `readers` knows which supervisors read a call, and what they write to its agent.
"""
