"""Calls.

Twilio asks: `twilio_request` proves that it is Twilio, `voice` decides, `twiml` answers, with what `dialling` and
`outgoing` allow and `customers` knows of who calls. Twilio tells: `status_callbacks` writes what `callback_forms`
reads into the call's row.

How people are connected is behind the port `routing`; `spoken` answers with TwiML whatever fails. What follows when
nobody took a call: `dial_ends`, `answering` and `overflow`. `streams` starts, finds and ends the calls' Media
Streams. `log` is the call log.
"""
