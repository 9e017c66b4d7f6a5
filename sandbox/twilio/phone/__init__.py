"""The telephone network: legs, TwiML, streams.

`exchange` knows all legs. A `leg` is one party: `interpreter` does what `twiml` reads into `verbs`: `dial`,
`gather`, `playback`. `bridge` connects two; `media_stream` sends their sound, `streams` are those of one leg.
`softphones` are browsers that can be called, `place_call` is somebody who calls.
"""
