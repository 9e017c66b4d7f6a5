"""Stripe's API as we use it. Nothing is decided here."""
