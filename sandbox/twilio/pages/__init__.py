"""Pages that let a person be the telephone network."""
