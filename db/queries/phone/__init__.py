"""The phone's rows: what each call's room is, who can be rung, and what follows a call.

`conferences` are the rooms of calls, as JSON, and the NOTIFY that tells every process of a change. `presence`,
`offers` and `groups` say who can be rung; `presence` also begins a member's wrap-up, for as long as the organisation
has set. `ringing_plans` say how a number rings, `callers` who calls. After a call: `wrap_ups`, with the
organisation's own `choices` (outcomes and tags).
"""
