"""Sound to words: `frames` -> `call` -> `audio` -> `transcription` -> `transcribe`, and back as `utterances`."""
