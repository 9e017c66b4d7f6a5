"""Requests to addresses that customers have chosen: their programs' webhooks, their identity providers.

`targets` decides where a request may go, and `guard` connects there and nowhere else.
"""
