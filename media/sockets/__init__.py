"""Who connects: `acceptor` listens, `routes` lets sockets in.

`twilio_stream` and `console` are the two kinds of socket, `websocket` is what both share.
"""
