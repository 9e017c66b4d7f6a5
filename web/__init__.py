"""Serves: pages, sign-in, webhooks, TwiML, the logs. It has the database, and no word spoken passes through it.

How a person becomes a customer whose calls are heard, file by file::

    landing ─► sign_up ─► checkout ──────────► Stripe's page ─► checkout (waits) ─► onboarding ─► numbers, team
               newcomer   readiness, paying          │          progress (live)      checklist    number_board, roster
                                                     ▼
                                    stripe_webhook ─► provisioning.billing.events ─► walls (who may watch), jobs

How a call goes by::

    Twilio ─► signature ─► voice ─► twiml ─► Twilio      (what to do with a call; the ticket of its stream goes along)
    Twilio ─► signature ─► callbacks ─► reports ─► the call's row ─► calls (the log)
    media  ─► NATS ─► facts ─┬─► reports                     (how its transcription does; never a word)
                             └─► whereabouts ─► restarts     (a node is silent or drains: a new stream elsewhere)

Around both: `app` wires routes, middlewares and what lives as long as the process; `config` reads settings, `keys`
is how they are found again. `access` is the only way from a request to an organisation's rows. `sign_in` mails links,
`sessions` keeps the cookie they earn, `signed_in` tells an open page of it, `tokens` gives passes for the console and
the softphone, `voice_sdk` says which script the phone runs, `availability` whose console rings, `living` which calls
go on. `limits` counts who asks how often. `errors` says which refusal gets which status; `middlewares` turn them into
a page or JSON, `headers` say what browsers must refuse. `outbox` sends mails after the answer is out.

Running an organisation: `settings_page` (`business`), `numbers` (`number_search`), `team`, `billing`
(`billing_state`), `audit_log` (`audit_lines`). Running Bilby: `check` (`check_media`, `check_stripe`, `finding`) and
its page `preflight`, `health`.

Decided by pure files, beside the page that shows it: those in brackets above, and `newcomer`, `readiness`,
`checklist`, `number_board`, `roster`, `twiml`, `callbacks`, `dialling`, `call_log`, `price`,
`fact`, `whereabouts`.
"""
