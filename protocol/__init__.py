"""What the processes say to each other.

`tickets` (signed, short-lived passes) and `facts` (messages on NATS). A leaf.
"""
