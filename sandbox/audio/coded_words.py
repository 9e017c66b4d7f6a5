"""Sound that carries its own words: what the scripted recogniser hears, and nobody has to tell it.

A word lasts 300 ms, the silence after it 60 ms. It is a 200 Hz buzz of 60 packets of 5 ms, one period each.
Every packet spells the whole word in its mu-law codes and says which of the 60 it is; mu-law travels through
Twilio's stream and back out of PCM unchanged, so whatever sound is lost, doubled or late shows in the words.

One packet is 40 codes::

    1E 1F | 20 + number | the word's letters | 20 + checksum | buzz

Letters have the top bit set (a positive sample) and nothing else has before the checksum, so they end by
themselves. A letter is ASCII with some bits turned over, to be as loud as the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sandbox.audio import mulaw

PACKET = 40  # samples
PACKETS = 60  # in a word
WORD = PACKET * PACKETS
GAP = 480  # samples of silence after each word
LONGEST = 32  # letters in a word
PAUSE_SECONDS = 0.7  # silence enough to end an utterance

_MARK = b"\x1e\x1f"
_BASE = 0x20
_TURNED = 0x50
_BUZZ = b"\xae" * (PACKET // 2) + b"\x2e" * (PACKET // 2)
_PACKET = re.compile(rb"\x1e\x1f([\x20-\x5b])([\x80-\xfe]{1,%d})([\x20-\x5f])" % LONGEST, re.DOTALL)
_SPEAKABLE = re.compile(f"[!-.0-~]{{1,{LONGEST}}}")  # a slash would come out as the code of zero


@dataclass(slots=True)  # not frozen, which would double the cost of finding it
class Packet:
    """One packet found: its word, its number in it (0 to 59), and where it begins in the codes searched."""

    word: str
    number: int
    at: int


def encode(text: str) -> bytes:
    """Return ``text`` spoken, in mu-law: one word after the other. Raise ValueError for a word that cannot be."""
    return b"".join(_spoken(word) + mulaw.SILENCE * GAP for word in text.split())


def silence(seconds: float) -> bytes:
    """Return silence, in mu-law."""
    return mulaw.SILENCE * round(seconds * mulaw.RATE)


def packets(codes: bytes) -> Iterator[Packet]:
    """Yield every whole packet in ``codes``."""
    for found in _PACKET.finditer(codes):
        number, (word, total) = found[1][0] - _BASE, _read(found[2])
        if found[3][0] == _BASE + (number + total) % 64:
            yield Packet(word, number, found.start())


@lru_cache(4096)  # a word's packets all spell the same
def _read(codes: bytes) -> tuple[str, int]:
    """Return a word, and the sum of its letters."""
    letters = bytes(code & 0x7F ^ _TURNED for code in codes)
    return letters.decode("ascii"), sum(letters)


def _spoken(word: str) -> bytes:
    if not _SPEAKABLE.fullmatch(word):
        raise ValueError(f"{word!r} cannot be spoken: 1 to {LONGEST} characters of ASCII, no slash")
    letters = word.encode("ascii")
    return b"".join(_packet(number, letters) for number in range(PACKETS))


def _packet(number: int, letters: bytes) -> bytes:
    codes = bytes(letter ^ _TURNED | 0x80 for letter in letters)
    checksum = _BASE + (number + sum(letters)) % 64
    head = _MARK + bytes([_BASE + number]) + codes + bytes([checksum])
    return head + _BUZZ[len(head) :]
