"""The phone's rows: presence, offers, groups, ringing plans, own lists, contacts, the block list.

`presence`, `offers` and `groups` say who can be rung, `ringing_plans` how a number rings, `callers` and `contacts`
who calls, `people` whose numbers are one person's, `contact_notes` what was noted about them, `blocked_numbers` who
is refused. After a call: `wrap_ups`, with the organisation's own `choices` and the
call's `call_tags`.
"""
