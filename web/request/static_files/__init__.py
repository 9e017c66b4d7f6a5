"""Scripts, sheets, pictures and sounds.

`files` serves them under URLs that change with their content, and joins a page's sheets. `joined_script` makes one
script of a page's module and of all that it imports.
"""
