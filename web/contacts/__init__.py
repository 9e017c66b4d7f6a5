"""Whom an organisation knows: names for phone numbers, what they wish, and numbers whose calls are refused."""
