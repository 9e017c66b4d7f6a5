"""The rehearsal: calls go on while a host is installed, changed and broken (`docs/rehearsal.md`).

`run` starts it, in a namespace outside the host. `outside` is the world around the host: the vendors under their real
names; `relay` lets image builds reach the package registries. `host` handles the host as its operator does, and
`steps` lists what is done to it; `options` are TLS between the parts and secrets from files. `speech` numbers the
words that are said, `people` watch them on a console, and `ledger` accounts for each of them.
"""
