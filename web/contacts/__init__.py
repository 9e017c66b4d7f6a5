"""Contacts, notes about them, and the block list.

`page` lists contacts, looks for them and adds them from a `table`, a CSV file that was chosen or pasted;
`contact_page` is one contact's page, and `merging` makes two of them one person. `notes` are what members wrote about
them. `blocked` is the block list, and `exports` send both lists as CSV. `view` is the pure half.
"""
