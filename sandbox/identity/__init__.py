"""An identity provider as a customer has one: OpenID Connect by Authlib's server side, as strict as the real ones.

`people` have an account there. `server` knows clients, codes and tokens; `emulator` is its pages and endpoints.
"""
