"""What Stripe says of an organisation: its subscription, and the events that reported it.

`subscriptions`, `stripe_events`.
"""
