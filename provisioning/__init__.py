"""Work done later: jobs that survive crashes, and regular sweeps.

`jobs` puts a job into the database in the transaction that makes it necessary, so that both happen or neither. Any
`worker` takes it and says that it is alive while it works; if it dies, another takes over. A job that fails is tried
again: how often and after which pauses is `worker.Timing`, unless the job asks for another pause (`jobs.TryAgain`),
as number orders and Stripe's events do. So a job may run more than once, and its effect has to be the same. Stripe,
Twilio and mail are asked between transactions, never inside.

Its packages, and how a dollar becomes a number::

    web's webhook ─► billing/events.receive: a row and a job       (in web's process and transaction)
    worker ─► billing/events asks stripe/ ─► billing/sync ─┬─► an order, whose job is numbers/orders ─► purchase
                                                           │      ─► twilio/ ─► Twilio;  progress ─► NATS ─► web
                                                           ├─► billing/notices
                                                           └─► billing/release: after the grace period
    an owner closes an organisation ─► billing/closing: Stripe, numbers/orders, then every row

    web's pages and billing/notices ─► mail/queue ─► mail/sender ─► SMTP

    whatever happens ─► db/queries/integrations/events ─► webhooks/dispatch ─► egress/ ─► an organisation's programs

    every night: billing/customers (paid, but not linked) ─► reconciliation (Stripe, our rows and Twilio's list)

`schedule` says which job is whose, and when sweeps run. `stripe` and `twilio` are the vendors' APIs; nothing is
decided there. `status`, `watch` and `metrics` say how this process does, and what only it watches: the queue, the
database, certificates, backups. `progress` tells web on NATS how far orders are; `config` reads the settings.
"""
