"""The organisation's phone numbers: `page` shows them and takes orders, `view` decides what is shown.

`search` reads what number is looked for. `hours` is the page of one number's opening hours and of what its callers
get otherwise: `hours_form` reads what is typed, `hours_view` puts it into words. `db.opening_hours` says when it is
open. `hearing` is the page of what its callers hear first and how their calls become words, `hearing_form` its form,
`prompts` checks a consent prompt as typed (`web.calls.spoken` chooses the one that a caller hears); `vocabularies`
asks media what Transcribe knows of a custom vocabulary, and `vocabulary_watch` does so for all in use as media
starts. `ringing` and `ringing_form` say who is rung. `source` is the page of what a number is for and where it is
advertised. `addressed` finds the number that a page's address names.
"""
