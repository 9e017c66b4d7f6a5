"""An organisation's own pages: first steps, settings, audit log, stored data, closing.

First steps: `onboarding` shows the `checklist`, `onboarding_events` keep it up to date. `details` and `settings` say
who it is and how calls begin, `phone_settings` (with `phone_form`) how long wrap-up lasts and which outcomes, tags
and reasons for breaks there are. `audit` is its audit log, `audit_view` the pure half. `data` exports and erases what
is stored, `closing` ends the organisation.
"""
