"""Emulated Stripe: `emulator` wires `api` (REST), `billing` (what happens to money) and `pages` (what people see).

`account` holds all objects, `seed` what stands there at the start, `settings` how it behaves. `webhooks` sends
events, `errors` are its refusals.
"""
