"""Around every request.

`access` is the only way from a request to an organisation's rows: who asks, and what their role may do. `session` is
the cookie of a sign-in and its CSRF token. `errors` says which refusal gets which status, `middlewares` turn it into
a page or JSON, log and count. `forms` reads what was sent, `typed` what people meant by it, `limits` counts who asks
how often. `render` fills templates, `callers`, `price` and `paging` decide how things are shown, `csv_export` writes
tables. `security_headers` say what browsers must refuse, `static_files` serves the rest. `connections` bounds
sockets, `background` works after the answer is out, `health` says how the process does. `keys` names what an
application carries.
"""
