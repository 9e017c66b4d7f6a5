"""How members prove who they are: by a mailed link, a second factor, or their organisation's own provider.

`sign_in_links`, `second_factors`, `identity_providers`.
"""
