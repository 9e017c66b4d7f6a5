"""Whom an organisation knows: its contacts, and the numbers that it has blocked.

`contacts` are their names and wishes by phone number, `people` whose numbers are one person's, `contact_notes` what
members wrote about them. `blocked_numbers` is the block list.
"""
