"""The machine that decides about a call's room: values in, values out.

`room` is the state, `events` what happens to it, `step` the door. Behind it: `commands` of members, `reports` of
Twilio's, and `settling`, which draws the consequences. `due` says what to ask of Twilio then.

`supervising` is who listens, whispers and speaks; `news` says which changes others are told.
"""
