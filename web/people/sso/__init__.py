"""Single sign-on: an organisation's members sign in at its own provider, by OpenID Connect.

`settings` is the owners' page (`form` reads and checks what they typed, domains too). `routes` sends a browser to the
provider and takes it back; `provider` is all that we ask the provider itself, `tokens` checks what it signed,
`identity` reads for whom it vouches and in which role, and refuses an address outside the organisation's domains.
`admission` finds the member, or invites one.
"""
