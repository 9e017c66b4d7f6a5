"""Twilio's requests to the application.

`request` makes one, as its URL's `overrides` say; `callbacks` delivers reports in the background.
"""
