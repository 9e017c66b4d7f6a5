"""One Transcribe quota for all nodes: `admission` asks, the leader's `allocator` grants.

`heartbeat` and `membership` say which nodes are alive.
"""
