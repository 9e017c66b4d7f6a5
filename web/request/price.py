"""Amounts of money with GST. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_GST_PART = 11  # a price that includes 10 % GST is one eleventh GST


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of AUD ``cents``, GST included."""

    cents: int

    def times(self, seats: int) -> Price:
        """Return the price of ``seats`` seats."""
        return Price(self.cents * seats)

    @property
    def gst(self) -> Price:
        """The GST included, to the nearest cent."""
        return Price((self.cents * 2 + _GST_PART) // (2 * _GST_PART))

    def __str__(self) -> str:
        """Return it as people read it: ``A$44``, ``A$1,234.50``."""
        dollars, cents = divmod(self.cents, 100)
        return f"A${dollars:,}.{cents:02}" if cents else f"A${dollars:,}"


def with_gst(cents: int) -> Price:
    """Return the price of ``cents`` before GST with 10 % added, to the nearest cent."""
    return Price(cents + (cents + 5) // 10)
