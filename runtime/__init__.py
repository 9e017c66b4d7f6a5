"""How any process starts.

`settings` reads the environment, `logs` redacts what is logged, `process` sets both up around a process's work,
`error_reports` and `tracing` send errors and traces where that is configured, `garbage` is collected rarely.

A leaf: it imports nothing else of this project.
"""
