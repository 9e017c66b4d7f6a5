"""Emulated Amazon: Transcribe's streams, and the JSON services for vocabularies and translation.

`emulator` listens for streams, `request` and `sigv4` check, `stream` answers by a recogniser. `json_api` answers
the JSON services.

`eventstream` is AWS's encoding, `answer` an event or exception in it, `errors` AWS's names for errors, `heard` what
was heard, for tests and pages.
"""
