"""Emulated Twilio: `emulator` wires all.

`phone` is calls and their sound, `conference` the rooms that calls are in together. `webhooks` asks the
application, `rest` is asked by it; `browser` is the Voice SDK's other end, `pages` are for people.

`settings` say what there is, `faults` what goes wrong on purpose.
"""
