"""A call at Twilio's webhooks: what its caller hears, what its row says, its Media Streams, and the call log.

Twilio asks: `twilio_request` proves that it is Twilio, `voice` decides, `twiml` answers. `customers` refuses numbers
that are blocked, and starts no words for who wants none; `outgoing` limits calls that members make. Twilio tells:
`status_callbacks` writes what `callback_forms` reads into the call's row.

How people are connected is behind the port `routing`, which `web.conferences.routing` fills; `spoken` answers with
TwiML whatever fails. What callers get when no agent takes the call is decided by `answering`, once they arrive and
once ringing has ended (`dial_ends`): an announcement or `overflow`. `streams` starts, finds and ends the calls' Media
Streams. `log` is the call log.
"""
