"""How any process starts, and what several of them need alike.

`settings` reads the environment, `logs` redacts what is logged, `process` sets both up around a process's work, and
`signals` stop it. `listening` opens a port, with `tls` if that is wanted, and `probe` asks one whether it is ready.
`error_reports` and `tracing` send errors and traces where that is configured, `garbage` is collected rarely.
`answers` reads what another server answers within bounds, and `background` runs something beside a block of code.

A leaf: it imports nothing else of this project.
"""
