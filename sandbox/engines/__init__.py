"""Real Postgres and NATS under supervision.

`postgres` and `nats` run as child `processes` that never outlive us; `log_watch` prints their errors.
"""
