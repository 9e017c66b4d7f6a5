"""Stripe's hosted pages, and the page that makes payments fail."""
