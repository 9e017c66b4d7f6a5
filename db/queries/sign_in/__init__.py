"""How members prove who they are: by a mailed link, a second factor, or their organisation's own provider.

`sign_in_links`, `second_factors`, `identity_providers`. `factors` is what those of members and of operators
have in common, `recovery_codes` makes and hashes codes.
"""
