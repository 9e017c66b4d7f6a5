"""The process that hears. It keeps sound and words in memory until a call ends, and owns no disk and no database.

How one word travels, file by file::

    Twilio ── text ──► stream.py ── frames.parse ──► call.py ── audio.Timeline ──► chunk (100 ms, two tracks)
                                                                                      │
    Transcribe ◄── transcribe.py ◄── transcription.py (tape: what is said and not yet settled) ◄──┘
        │
        └── result ──► transcription.py ── Utterance ──► hub.publish ──► console.py ──► browser
                                                             │
                                                             └──► replication.py ──► the same on other media nodes

Around that line: `acceptor` accepts connections and bounds those without a ticket, `doors` says who gets in,
`listener` makes texts of WebSocket frames, `server` holds the calls and the one ticker; `admission` is the door to
Transcribe's quota, `link` is one connection and its clock, `wire` keeps NATS connected, `bus` hears and tells facts
without words, `pulse` tells and hears who lives and what each holds, `workers` shares a port among processes.

Decided by pure files: `frames` (what Twilio said), `audio` (where it lies in time), `tape` (what Transcribe still
owes us), `eventstream` (what it said), `utterances` (what that is called), `transcript` (what a console knows),
`ticket` (who may open a socket), `mirrors` (which other node keeps a call, too), `roll` (which nodes live), `slots`
(which call of which node is next: one node, the eldest, is *warden* and gives out the slots of all). Everything else
is a thin shell.

Words: a *stream* is one Media Streams WebSocket; a *track* one direction of sound in it; a *frame* one of Twilio's
texts; a *chunk* 100 ms of both tracks; a *result* what Transcribe says; an *utterance* one stretch of speech by one
*speaker*, revised until final; a *transcript event* what consoles are told; the *hub* knows the live calls of each
organisation and its *consoles*.

Bounds: a tape holds 30 s; a console that lags by 256 KiB is cut off and gets a fresh snapshot; the bus drops its
oldest when NATS is away. One ticker serves every call: there is no task per frame and no timer per call.
"""
