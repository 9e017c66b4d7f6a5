"""Emulated Stripe: `emulator` wires `api` (REST), `billing` (what happens to money) and `pages` (what people see)."""
