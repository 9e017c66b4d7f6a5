"""The benchmark: many calls against one media process, and a plain bridge beside it.

`child` is the process that is measured, `callers` the calls, `transcribe` what answers them, `marks` time a word on
its way, `baseline` is the plain bridge. `rules` and `matching` measure phrase rules, `wall` supervisors' consoles,
`speech` real recognition. `__main__` is the command. `log/` measures the call log, `phone/` the phone.
"""
