"""Delivery of events to an organisation's own programs, by Standard Webhooks.

Events and their deliveries are rows, written in the transaction of what happened (`db.queries.integrations.events`).
`dispatch` takes deliveries that are due, each once however many processes run; `sending` makes one attempt, through
`provisioning.egress`; `signing` is what receivers check; `attempts` decides what follows from the answer; `letters`
tells admins that an endpoint fails or was switched off.

These are no jobs of the worker's: a receiver that hangs must delay neither mails nor numbers, nor others' events.
"""
