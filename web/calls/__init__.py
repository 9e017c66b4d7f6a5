"""Calls.

Twilio asks: `twilio_request` proves that it is Twilio, `voice` decides, `twiml` answers, with what `dialling` and
`outgoing` allow. Twilio tells: `status_callbacks` writes what `callback_forms` reads into the call's row.

Streams: `stream_start` is how one is started, `stream_registry` knows where each call's stream is, `stream_recovery`
starts a new one, `stream_stops` ends them for a caller who objects. `log` and `log_view` are the call log.
"""
