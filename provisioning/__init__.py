"""Does what must not be forgotten: jobs that survive crashes, and the regular sweeping up.

A job is put into the database in the transaction that makes it necessary (`jobs.enqueue`), so that both happen or
neither. Any `worker` takes it, says that it is alive while it works, and if it dies another takes over: a job may
so run more than once, and its effect has to be the same. `housekeeping` runs by the clock.
"""
