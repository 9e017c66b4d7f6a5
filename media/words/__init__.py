"""What becomes of words before anybody sees them. Pure, and in memory only.

`spoken_digits` finds runs of digits in a text, however they are said; `protected_numbers` knows which of them nobody
may read (payment cards, tax file numbers, Medicare numbers); `masking` masks those in a call's utterances, also when
the speaker pauses in the middle of one. Then `redaction` covers what Transcribe has not redacted yet, and `phrases`
tells which of the organisation's phrase rules the utterance fires.
"""
