"""Within every request.

`access/` is the only way from a request to an organisation's rows: who asks, and what their role may do. `session` is
the cookie of a sign-in and its CSRF token, which it checks (operators: `web.operators.gate`). `errors` says which
refusal gets which status. `forms` reads what was sent, `typed` what people meant by it, `dialling` which numbers may
be dialled and `countries` where to. `limits` counts who asks how often.

`render` fills templates. `callers` shows phone numbers of callers and says which of them can be called, `price` shows
amounts, `paging` cuts lists into pages; `geography` has Australia's states, territories and time zones. `csv_export`
writes a table, `archive` many tables in one file, `event_stream` what changes while a page is open; `static_files/`
serves scripts, sheets and sounds.
"""
