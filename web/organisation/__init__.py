"""The organisation itself: first steps, details, settings, contacts, the block list, the audit log,
what is stored and how it is exported, erased and closed."""
