"""What is paid: checkout, the billing page, Stripe's webhook, the notice of a payment that failed."""
