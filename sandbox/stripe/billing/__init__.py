"""What happens to money: checkout, `subscriptions`, `invoices`, `payments`, by a `clock` that can be moved.

`checkout_sessions` become a `purchase`; `lifecycle` follows a subscription, `prorations` its seats, `collection`
its money, by the `payment_methods` that people may choose. `amounts` computes months and GST.
"""
