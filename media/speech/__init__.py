"""From audio to utterances.

::

    frames (Twilio's messages) ─► call ─► audio (two tracks on one timeline) ─► transcription ─► transcribe ─► AWS
                                   gaps (lost audio), seam (between streams),     │  ▲
                                                         replay_buffer, clock ◄───┘  └── eventstream, utterances

`calls` are those that live on this node; `call` is one of them, over all its streams. `transcription` keeps one
connection to Transcribe open, replaces it before it ends, and replays the audio that no final result has
acknowledged. Pure: `frames`, `audio` (mu-law to PCM), `gaps`, `seam`, `replay_buffer`, `clock` (a connection's time
to the call's), `held_time` (when it was on hold), `delays` (how late its words were), `eventstream` (AWS's encoding),
`utterances` (results to utterances).
`transcribe_health` knows whether AWS can be reached.
"""
