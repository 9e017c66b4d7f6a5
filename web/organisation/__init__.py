"""The organisation itself: first steps, details, settings, the audit log."""
