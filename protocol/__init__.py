"""What the processes say to each other.

`tickets` are signed, short-lived passes. `messages` lists every subject of NATS with its payload and who may use it,
`nats` is the connection that carries them, `facts` is what web makes of those about calls. Imports nothing of ours.
"""
