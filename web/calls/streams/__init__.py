"""Media Streams of calls.

`start` is how one is started, `registry` knows where each call's stream is, `recovery` starts a new one in place of
one that was lost, so that another media node continues a call whose node has died, `stops` ends them for a caller who
objects.
"""
