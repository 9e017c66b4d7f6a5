"""Stripe's REST API: forms in, objects out."""
