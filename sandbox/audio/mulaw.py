"""G.711 mu-law by `audioop`: the telephone's 8-bit samples, to and from 16-bit ones.

An independent codec at the other end of media's own table (`media.speech.audio`). Decoding and encoding again gives
the same code back (two codes stand for zero: 0x7F becomes 0xFF).
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the standard library's warns; since 3.13 it is audioop-lts
    import audioop

RATE = 8000  # samples a second, one byte each
SILENCE = b"\xff"  # the code of zero


def decode(codes: bytes) -> NDArray[np.int16]:
    """Return the 16-bit samples of mu-law ``codes``, one for each byte."""
    return np.frombuffer(audioop.ulaw2lin(codes, 2), dtype=np.int16)


def encode(samples: NDArray[np.int16]) -> bytes:
    """Return the mu-law codes of 16-bit ``samples``, one byte for each."""
    return audioop.lin2ulaw(samples.tobytes(), 2)


def mixed(first: bytes, *others: bytes) -> bytes:
    """Return the sum of sounds of the same length, in mu-law; what is too loud for 16 bits is clipped."""
    total = audioop.ulaw2lin(first, 2)
    for codes in others:
        total = audioop.add(total, audioop.ulaw2lin(codes, 2), 2)
    return audioop.lin2ulaw(total, 2)
