"""Calls.

Twilio asks: `twilio_request` proves that it is Twilio, `voice` decides, `twiml` answers, with what `dialling` and
`outgoing` allow. Twilio tells: `status_callbacks` writes what `callback_forms` reads into the call's row. Streams:
`stream_registry` knows where each call's stream is, `stream_recovery` starts a new one, `stop_words` ends them for a
caller who objects. People: `console` is the page, `tokens` gives its tickets, `availability` says whose phone rings,
`living` which calls go on, `dial_check` whether a number may be called, `voice_sdk` which script the phone runs;
`log` and `log_view` are the call log.
"""
