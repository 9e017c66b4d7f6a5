"""The phone's rows: presence, offers, groups, ringing plans, own lists, contacts, the block list."""
