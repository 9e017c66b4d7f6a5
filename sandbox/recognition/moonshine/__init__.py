"""Moonshine: real recognition of English. `engine` starts `worker`, a process; each channel is a `listener`."""
