"""An agent who needs no browser: answers calls by the product's own HTTP, as the console's page does.

::

    Agent (agent.py) ─┬─ Desk (desk.py): sign-in, commands, heartbeat, the phone's event stream ─► web
                      └─ Line (line.py): the softphone, without a microphone ─► the emulated Twilio

`duties` decides what the agent does next, and is pure. Whoever has no microphone says what was recorded for the agent
of the call (`sandbox.twilio.phone.leg.Leg.accompany`), or nothing.
"""
