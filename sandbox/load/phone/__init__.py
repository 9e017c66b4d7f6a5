"""How fast calls ring and claims are answered, with many agents and calls at one web process.

`site` has Postgres, the web process on a core of its own, an emulated Twilio that knows no call, and the people.
`pages` are the agents' browsers: event stream, heartbeats, claims, wrap-up. `network` is Twilio's side of each call:
the signed webhooks when somebody calls, joins, leaves. `shift` lets calls come and go; `figures` is what was
measured, there and by web itself. `joins` measures one call at a time, from the click until both hear each other.
`__main__` is the command.
"""
