"""Is everything set up? `checks` look at each part; `page` shows them, `python -m web.check` prints them."""
