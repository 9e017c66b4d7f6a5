"""What goes through the pipe to a process that recognises speech, and that process's end of it.

A recogniser holds the interpreter or a core while it decodes, so it lives in a process of its own. Requests come on
standard input, one after the other; answers go to standard output in the same order. A request is ``length, kind,
channel`` (big-endian, 4 + 1 + 4 bytes) and ``length`` bytes: a channel's rate (4 bytes) for `OPEN`, sound for `FEED`.
Answered are only `FEED` and `FINISH`, with a length and a JSON list of results; and the start, with an empty list.
The process ends when its standard input does.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import msgspec

from sandbox.recognition.recogniser import Result

OPEN, FEED, FINISH, CLOSE = range(4)
REQUEST = struct.Struct(">IBI")
LENGTH = struct.Struct(">I")


class Listener(Protocol):
    """One channel being recognised; blocks while it is."""

    def feed(self, pcm: bytes) -> list[Result]:
        """Return what there is to say after the next ``pcm`` (16-bit little-endian)."""

    def finish(self) -> list[Result]:
        """Return the finals still owed: the sound is over."""

    def close(self) -> None:
        """Forget the channel."""


def serve(requests: BinaryIO, answers: BinaryIO, listen: Callable[[int], Listener]) -> None:
    """Answer until the requests end; ``listen`` makes the listener of a channel with so many samples a second."""
    listeners: dict[int, Listener] = {}
    _answer(answers, [])
    for kind, channel, payload in _read(requests):
        if kind == OPEN:
            listeners[channel] = listen(*LENGTH.unpack(payload))
        elif kind == FEED:
            _answer(answers, listeners[channel].feed(payload))
        elif kind == FINISH:
            _answer(answers, listeners[channel].finish())
        elif (gone := listeners.pop(channel, None)) is not None:
            gone.close()


def ends() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipe's two ends, requests and answers, and keep everybody else in this process off them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; our parent ends us in order
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a C library prints is no answer
    return sys.stdin.buffer, answers


def _read(requests: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        length, kind, channel = REQUEST.unpack(head)
        yield kind, channel, requests.read(length)


def _answer(answers: BinaryIO, results: list[Result]) -> None:
    body = msgspec.json.encode(results)
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()
