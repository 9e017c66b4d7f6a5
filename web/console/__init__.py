"""The console: the page with the live calls and the phone, and what its scripts ask of web.

`page` is the page, `tokens` gives its ticket for media and its phone's token for Twilio, `voice_sdk` says which
script the phone runs. `availability` switches whether calls ring here, `dial_check` checks a number before it is
dialled, `live_calls` says which calls are still live, `recent` which were missed and who calls back
(`recent_view`), `test_call` has a recording call, `stop_words` ends the transcription of one. The words themselves
come from media straight to the browser.
"""
