"""The benchmark of call log and dashboard: one organisation with millions of calls, and how long each page takes.

`rows` makes the calls in a real Postgres, `measure` asks for pages of them through web, `__main__` is the command.
"""
