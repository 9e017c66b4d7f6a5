"""What a seat costs, in words that leave nothing to add. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_GST_PART = 11  # of a price that includes GST of 10 %, one eleventh is GST


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of AUD ``cents``, GST included."""

    cents: int

    def times(self, seats: int) -> Price:
        """The same for ``seats`` seats."""
        return Price(self.cents * seats)

    @property
    def gst(self) -> Price:
        """The GST in it, to the nearest cent."""
        return Price((self.cents * 2 + _GST_PART) // (2 * _GST_PART))

    def __str__(self) -> str:
        """``A$44``, ``A$1,234.50``."""
        dollars, cents = divmod(self.cents, 100)
        return f"A${dollars:,}.{cents:02}" if cents else f"A${dollars:,}"


def with_gst(cents: int) -> Price:
    """A price of ``cents`` before GST, with the 10 % added, to the nearest cent."""
    return Price(cents + (cents + 5) // 10)
