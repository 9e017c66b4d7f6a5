"""What the processes say to each other.

`tickets` are signed, short-lived passes. `messages` lists every subject of NATS with its payload and who may use it,
`nats` is the connection that carries them, `times` how they carry a time, `facts` is what web makes of those about
calls, `phrases` are rules about what is said, which both of them apply. Of ours it imports `runtime.settings` alone.
"""
