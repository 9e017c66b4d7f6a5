"""The outside world on one machine: stand-ins for the services that Bilby normally buys.

::

    python -m sandbox              starts all below, founds the demo organisation, prints links, stops it all again
      ├─ engines/                  real Postgres and NATS, from the wheels that carry them, supervised by us
      ├─ python -m sandbox.vendors the vendors, in one process of their own:
      │    ├─ twilio/              REST, signed webhooks, phones, streams, the Voice SDK
      │    ├─ transcribe/          Transcribe's WebSocket protocol
      │    │    └─ recognition/    what hears behind it: Moonshine, pocketsphinx, or a script
      │    ├─ stripe/              REST, webhooks, hosted pages, a clock that can be moved
      │    ├─ identity/            a customer's own identity provider (OpenID Connect)
      │    └─ mail.py              SMTP in, a page of what was sent
      ├─ python -m media | web | provisioning   the product, the same code as in production
      └─ agent/                  somebody who answers test calls while nobody else does
    stack.py starts all of it; demo_organisation.py and demo_purchase.py found the demo organisation
    audio/ telephone sound, demo/ the demo call, load/ the benchmarks
    call.py places a test call; hear.py counts what is heard wrong
    config.py reads the settings; phone_sounds.py and waiting_sounds.py make the product's sounds again

The emulators speak the vendors' own protocols and the product is pointed at them by URL, so the product never asks
where it runs. Nothing here is for production: it keeps its state in one folder (``SANDBOX_DIR``), listens on
loopback only, and ends with the process that started it.
"""
