"""Sound: telephone codec, WAV files, voices, and the sound that spells its own words."""
