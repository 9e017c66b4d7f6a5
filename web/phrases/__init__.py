"""Phrase rules: what the organisation wants to notice while it is said, and the page on which admins keep them.

`form` reads and checks a rule as typed, `rules` sends those that are on to media, `page` is the page, `hits` what
the call log shows of rules that fired.
"""
