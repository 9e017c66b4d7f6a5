"""Supervisors help: they read and hear calls of their organisation, speak in them, and end them; and nobody unseen.

`commands` are those about a call, `switch_off` switches an agent off who is away. What a supervisor does is in the
audit log before it is true (`watching` has the names): a transcript opens only once `reading` has written it down.
`alerts` keeps the limits of the wall's alerts.
`settings` says how a supervisor is announced in a call, `notice` tells everybody what may be watched, and keeps when
each has confirmed it.
"""
