"""Pocketsphinx: recognition of the demo call. `engine` starts `worker`, a process; each channel is a `listener`."""
