"""G.711 mu-law: the telephone's 8-bit samples, to and from 16-bit ones.

Decoding and encoding again gives the same code back (two codes stand for zero: 0x7F becomes 0xFF).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples a second, one byte each
SILENCE = b"\xff"  # the code of zero

# G.711 counts in 14 bits; the bias lets every segment begin at a power of two.
_BIAS = 0x21
_CLIP = 8158


def _decoded(code: int) -> int:
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 1) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return (-magnitude if code & 0x80 else magnitude) << 2


def _encoded(sample: int) -> int:
    magnitude = min(abs(sample >> 2), _CLIP) + _BIAS
    segment = magnitude.bit_length() - 6
    return ~((0x80 if sample < 0 else 0) | segment << 4 | (magnitude >> (segment + 1)) & 0x0F) & 0xFF


_DECODE = np.array([_decoded(code) for code in range(256)], dtype="<i2")
_ENCODE = np.array([_encoded(sample) for sample in [*range(32768), *range(-32768, 0)]], dtype=np.uint8)


def decode(codes: bytes) -> NDArray[np.int16]:
    """The 16-bit samples of mu-law ``codes``, one for each byte."""
    return _DECODE[np.frombuffer(codes, dtype=np.uint8)]


def encode(samples: NDArray[np.int16]) -> bytes:
    """The mu-law codes of 16-bit ``samples``, one byte for each."""
    return _ENCODE[samples.view(np.uint16)].tobytes()
