"""Every call is a room: a Twilio conference named after the call's row. The customer stays, others come and go.

`machine` decides, and is pure. `rooms` reads a room, lets it take one event, and stores it with the call's row, in
the transaction of whoever has the event: `webhooks` of Twilio's (`callbacks` reads their forms), `commands` of
agents, `calling_out`, `routing` (callers and softphones that come in), and ringing in `web.phone`. After the commit
`performing` asks Twilio for what is due by `requests`, and looks at rooms whose time has come. `refusals` are what
a page is told when a command cannot be done, `documents` the TwiML, `waiting` what callers hear before anybody
answers.
"""
