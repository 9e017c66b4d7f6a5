"""The call log: `call_log` reads it, `agent_access` says which calls an agent may open, and `call_moments` keeps what
no other row tells of a call.

`call_filter` is what may be asked, `conditions` say it in SQL, and `walks` are the ways to the calls that meet them.

`search_columns` keeps what a call is searched by: `call_times` says how long its parts took, `number_parts` how it is
found by a part of its customer's number. `call_tags` are the tags that its agent gave it.
"""
