"""Transcribe live calls. Audio and words stay in memory until a call ends; there is no disk and no database.

Its packages, and how one word travels through them::

    Twilio ─ text ─► sockets/twilio_stream ─ frames ─► speech/call ─ audio ─► chunk: 100 ms, two tracks
                                                                                 │
    Transcribe ◄──────────── speech/transcribe ◄── speech/transcription ◄────────┘
        │
        └─ result ─► speech/transcription ─ utterance, masked by words ─► speech/call ─► live/hub
                                                 phrases of the organisation's rules ─┘     │
                     browser ◄── sockets/console ◄──────────────────────────────────────────┤
                     hubs of other nodes ◄── nodes/replication ◄────────────────────────────┘

Imports go   sockets ─► speech ─► words ─► nodes ─► live ─► quota ─► amazon.   Words go the other way by functions
that were handed down: a transcription publishes to its call, the call to the hub, the hub to replication
(`Hub.relay`) and to its consoles; what other nodes say comes back to `speech/calls` by `Bus.on_moved` and
`Bus.on_stopped`. `quota` is one Transcribe quota for all nodes: a transcription asks it for its slot.

`amazon` asks Amazon's other services: what a custom vocabulary is, and for translations.

`server` wires all, runs the one ticker, and drains; `speech/calls` holds the live calls. `protocol.nats` keeps NATS
connected, `prefork` shares a port among processes, `hardening` forbids core dumps, `metrics` defines what
Prometheus scrapes, `config` reads the settings.

Bounds: the replay buffer holds 30 s; a console that lags by 256 KiB is disconnected and gets a fresh snapshot;
while NATS is away, a full queue drops its oldest message. One ticker serves every call: there is no task per frame
and no timer per call. `docs/glossary.md` defines the terms.
"""
