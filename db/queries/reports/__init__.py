"""What the dashboard shows: how many calls ended how, and how long they took.

Days that are over and today are read from ``call_counts``, in which each day is counted in advance::

    a call changes ─► ``recounts`` (by triggers, in the same transaction)
                      ``recounts`` ─► `recounts` counts the whole day again ─► ``call_counts`` ─► `counts`

A day is counted from the calls themselves, never by adding to what was counted before: so it is exact, whatever
happened to its calls in between. `days` says when a day and its hours begin, `live` counts what goes on.
"""
