"""Sound: telephone codec, WAV files, voices, and the sound that spells its own words.

`clock` ticks every 20 ms. `mulaw` is the telephone's coding, `wav` and `sound_file` read and write files, `voice`
is sound that lies on a track and `live_voice` somebody who speaks now. `coded_words` spell their own words,
`ring_tone` is what a caller hears.
"""
