"""What the Voice SDK talks to, and the SDK itself.

`signalling` is its endpoint, `connection` one page, `access_token` the check of its token.
"""
