"""A call at Twilio's webhooks: what its caller hears, what its row says, its Media Streams, and the call log.

Twilio asks: `twilio_request` proves that it is Twilio, `voice` decides, `twiml` answers. `screening` refuses calls of
blocked numbers, and starts no transcription for contacts who do not want it; `outgoing` limits calls that members
make. Twilio tells: `callbacks` answers, and `status_callbacks` writes what `callback_forms` reads into the call's
row.

How people are connected is behind the port `routing`, which `web.conferences.routing` fills. `spoken` chooses the
consent prompt (the number's, the organisation's or the installation's), and answers with TwiML whatever fails. What
callers get when no agent takes the call is decided by `answering`, once they arrive and once ringing has ended
(`dial_ends`): an announcement or `overflow`. `streams` starts, finds and ends the calls' Media Streams. `log` is the
call log.
"""
