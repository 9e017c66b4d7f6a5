"""Who connects: `routes` lets sockets in, `twilio_stream` and `console` are the two kinds, `websocket` is what both share."""
