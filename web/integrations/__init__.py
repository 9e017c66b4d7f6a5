"""The pages about an organisation's own programs.

`keys` of the API; `webhooks`: the endpoints that are told what happens; `endpoint`: one, with what was sent there.
"""
