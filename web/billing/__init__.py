"""Checkout, the billing page, and Stripe's webhook.

`checkout` leads to Stripe's page, once what has to be known before is known (`checkout_rules`); `webhook` takes what
Stripe tells, for provisioning. `page` is the billing page, `view` what it says of a subscription, `payment_notice`
what members read while a payment fails.
"""
