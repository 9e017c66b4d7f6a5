"""What Stripe says of an organisation: its subscription, and the events that told of it.

`subscriptions`, `stripe_events`.
"""
