"""Stripe's hosted pages, and the page that makes payments fail.

`checkout`, `portal` and `invoice_pdf` are the customer's, `control` is the sandbox's own. `layout` is what all
share.
"""
