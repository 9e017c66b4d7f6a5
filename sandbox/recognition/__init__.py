"""What hears in the sandbox, for `sandbox.transcribe`.

`recogniser` is the port, and `choice` says who fills it here: `moonshine/`, `sphinx/` or `scripted`. The first two
live in processes of their own: `process` is such a one seen from ours, `pipe` what they say to each other. `pace`
decides how often an unfinished line is decoded, `agreement` which words of it are settled, `word_times` when each
was spoken, `tones` what is no speech. `word_error_rate` counts what was heard wrong.
"""
