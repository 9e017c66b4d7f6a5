"""How Bilby is run: compose, Kubernetes, Caddy, NATS, backups, alerts, and RUNBOOK.md.

`rehearsal` tries all of it on one machine.
"""
