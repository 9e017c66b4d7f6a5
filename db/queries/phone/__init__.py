"""The phone's rows: presence, offers, groups, ringing plans, an organisation's own lists, contacts."""
