"""How any process starts: `settings` reads the environment, `logs` says what may be said,
`process` puts both around a process's work, `error_reports` and `tracing` tell others where they are asked for.

A leaf: it imports nothing of ours.
"""
