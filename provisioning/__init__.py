"""Does what must not be forgotten: jobs that survive crashes, and the regular sweeping up.

A job is put into the database in the transaction that makes it necessary (`jobs.enqueue`), so that both happen or
neither. Any `worker` takes it, says that it is alive while it works, and if it dies another takes over: a job may
so run more than once, and its effect has to be the same. `duties` puts all of them together; `housekeeping` runs by
the clock.

    Stripe's event ─► stripe_events ─► subscriptions ─┬─► order of a number ─► numbers ─► purchase ─► Twilio
     (web's webhook)   once, or again   asks Stripe,   │                          ▲
                       if it failed     decides        ├─► notices: mails         │ gives up
                                                       └─► day of release ─► release: asks Stripe once more

    every night: strays (who pays and is nobody's) ─► reconciliation (Stripe, our rows and Twilio's list)
"""
