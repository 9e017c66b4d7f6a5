"""An error as AWS names it."""

from __future__ import annotations


class AwsError(Exception):
    """``type`` is AWS's exception type (``BadRequestException``), the text its message."""

    def __init__(self, type_: str, text: str) -> None:
        super().__init__(text)
        self.type = type_
