"""Is everything set up? `checks` look at each part; `page` shows them, `python -m web.check` prints them.

`stripe`, `twilio` and `media` check the platform, `own` an organisation's own things; each gives a `result`,
and `streaming` sends them as they come.
"""
