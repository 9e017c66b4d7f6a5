"""Serves: pages, sign-in, webhooks, TwiML, the call log. It has the database, and no word spoken passes through it.

`app` wires: routes, middlewares, what lives as long as the process. `access` is the only way from a request to an
organisation's rows. `sign_in` mails links, `sessions` keeps the cookie they earn. `errors` says which refusal gets
which status; `middlewares` turn them into a page or JSON. `voice` answers Twilio, `twiml` is what it is told,
`signature` proves that it is Twilio who asks. `facts` hears over NATS how a call's transcription does.
"""
