"""What is paid: checkout, the billing page, Stripe's webhook, the notice of a payment that failed.

`checkout_rules` say what has to be known before, `payment_notice` and `view` decide what is shown.
"""
