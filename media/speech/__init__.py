"""Sound to words.

::

    frames (what Twilio said) ─► call ─► audio (where it lies in time) ─► transcription ─► transcribe ─► AWS
                                  gaps (what was lost)                        │  ▲
                                                       replay_buffer, link ◄──┘  └── eventstream, utterances

`call` owns a call's life over all its streams. `transcription` keeps one connection to Transcribe open, replaces it
before it ends and replays what no final has acknowledged. Pure: `frames`, `audio`, `gaps`, `replay_buffer`,
`eventstream` (AWS's encoding), `utterances` (results to lines). `transcribe_health` knows whether AWS can be reached.
"""
