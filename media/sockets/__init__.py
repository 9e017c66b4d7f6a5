"""Incoming connections: `acceptor` listens, `routes` admits sockets.

`twilio_stream` and `console` are the two kinds of socket; `websocket` is what they share. What a console may say, its
subscription first, stands in `console`; what it is told in `media.live.transcript` and `media.live.wall_rows`.
"""
