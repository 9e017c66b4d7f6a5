"""The organisation's phone numbers: `page` shows them and takes orders, `view` decides what is shown.

`search` reads what number is looked for. `hours` is the page of one number's opening hours and of what its callers
get otherwise: `hours_form` reads what is typed, `hours_view` puts it into words. `db.opening_hours` says when it is
open.
"""
