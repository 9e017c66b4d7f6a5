"""Incoming connections: `acceptor` listens, `routes` admits sockets.

`twilio_stream` and `console` are the two kinds of socket; `websocket` is what they share.
"""
