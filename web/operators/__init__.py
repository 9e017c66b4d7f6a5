"""Pages of who runs the installation, under ``/operator``: nobody's members, and nobody's data.

`gate` says who asks, by a cookie and accounts of its own, and opens what they may see; `sign_in` mails links;
`tenants` lists organisations, suspends them, and shows what was done. ``python -m web.operate`` admits the first.
"""
