"""The process that hears. It keeps sound and words in memory until a call ends, and owns no disk and no database.

Its rooms, and how one word travels through them::

    Twilio ─ text ─► sockets/twilio_stream ─ frames ─► speech/call ─ audio ─► chunk: 100 ms, two tracks
                                                                                 │
    Transcribe ◄──────────── speech/transcribe ◄── speech/transcription ◄────────┘
        │
        └─ result ─► speech/transcription ─ utterance ─► live/hub ─► sockets/console ─► browser
                                                            └─► live/replication ─► hubs of other nodes

    sockets ─► speech ─► live,   under a   quota   (one Transcribe quota for all nodes)

`server` holds the calls, the consoles and the one ticker, and drains them. `wire` keeps NATS connected, `prefork`
shares a port among processes, `hardening` forbids core dumps, `metrics` is what Prometheus may know.

Bounds: the replay buffer holds 30 s; a console that lags by 256 KiB is cut off and gets a fresh snapshot; the bus
drops its oldest message while NATS is away. One ticker serves every call: there is no task per frame and no timer per
call. `docs/glossary.md` says what the words mean.
"""
