"""How the process serves: the same for every request, whatever it asks.

`connections` limits sockets, `unparsable` counts what is no HTTP. `middlewares` log and count each request and turn
every error into an answer, with the headers of `security_headers`. `health` says whether the process
works, `status` says to everybody whether Bilby does.
"""
