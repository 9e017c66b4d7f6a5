"""The organisation's phone numbers: `page` shows and takes orders, `view` decides what is shown."""
