"""Pages of who runs the installation, under ``/operator``. They are members of no organisation.

`gate` says who asks, by accounts and `cookies` of their own, and opens what they may see. `sign_in` mails links,
after which `second_factor` asks for a code; `account` is an operator's own page. `tenants` lists organisations,
suspends them, and shows what was done; `preflight` checks the installation. ``python -m web.operate`` admits the
first operator.
"""
