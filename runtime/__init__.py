"""How any process starts: `settings` reads the environment, `logs` says what may be said.

A leaf: it imports nothing of ours.
"""
