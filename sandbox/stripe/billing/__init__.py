"""What happens to money: checkout, subscriptions, invoices, payments, by a clock that can be moved."""
