"""Answers: pages, sign-in, webhooks, TwiML, the logs. It has the database, and no word spoken passes through it.

Its packages, and which may import which (downwards only)::

    check: is everything set up?    console: the page with live calls and the phone    helping: supervisors in calls
    serving: around every request   api: what an organisation's own programs ask   reports: the dashboard
    operators: who runs the installation
                                      │
                                    phone: who can be rung, what rings, who waits, wrap-up
                                      │
                                    conferences: the conference at Twilio in which each call takes place
                                      │
                                    calls: Twilio's webhooks, streams, the call log
                                      │
                                    billing: checkout, Stripe's webhook, what is paid
                                      │
                                    organisation: first steps, details, settings, audit log
                                      │
      numbers: orders, hours     people: sign-up, sign-in, team, public pages     phrases: rules about what is said
      contacts: names for numbers, the block list     integrations: keys of the API, webhooks
                                      │
    request: within every request (access gate, session, errors, forms, rendering, limits)

How a person becomes a customer whose calls are heard::

    people/sign_up ─► sign_up_link ─► billing/checkout ─► Stripe's page ─► billing/checkout (waits)
        ─► organisation/onboarding ─► numbers/page
    Stripe ─► billing/webhook ─► a job of provisioning's ─► bus ─► facts ─► organisation/onboarding (its page is told)

How a call goes by::

    Twilio ─► calls/twilio_request ─► voice ─► calls/routing, a port ─► conferences/routing ─► documents ─► Twilio
                                      └─► streams/start: the ticket of its stream
              as the last resort, without rooms: voice ─► twiml, which dials agents' phones
    conferences: the customer waits in a room ─► phone: a member is rung, claims, talks, wraps up ─► calls/log
    Twilio ─► calls/dial_ends (nobody took it) ─► answering: an apology, or overflow to another number
    Twilio ─► calls/status_callbacks ─► the call's row ─► log, console/recent
    media, provisioning ─► bus ─┬─► facts ─► rows, open pages   (the state of words, how far an order is)
                                └─► calls/streams: registry ─► recovery    (a stream is lost: a new one elsewhere)

`app` wires routes, middlewares and what lives as long as the process; `resources` are what it borrows of other
packages, `config` its settings. `bus` is NATS, `facts` what follows from each event on it. Commands: `found` (an
organisation), `operate` (an operator), `unlock` (a second factor). A page's handler is one module. Where there is
more to decide, its pure half stands beside it: what is shown in `…view.py`, what was typed in `…form.py`. `static/`
and `templates/` have a folder for each package with pages; the console's script is `static/console/console.js`, which
names its parts.
"""
