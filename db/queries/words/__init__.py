"""What organisations want to know about words: never the words themselves.

`phrase_rules`, `hearings`.
"""
