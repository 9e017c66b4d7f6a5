"""The process in which pocketsphinx listens: ``python -m sandbox.transcribe.sphinx_worker LANGUAGE DICTIONARY``.

Pocketsphinx holds the interpreter while it decodes, so it would stop any event loop it shared. Requests
come on standard input, one after the other; answers go to standard output in the same order. A request is
``length, kind, channel`` (big-endian, 4 + 1 + 4 bytes) and ``length`` bytes: a channel's rate (4 bytes) for
`OPEN`, sound for `FEED`. Answered are only `FEED` and `FINISH`, with a length and a JSON list of results; and
the start, with an empty list. The process ends when its standard input does.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from sandbox.transcribe.recogniser import Result
from sandbox.transcribe.sphinx_listener import Listener

OPEN, FEED, FINISH, CLOSE = range(4)
REQUEST = struct.Struct(">IBI")
LENGTH = struct.Struct(">I")


def serve(requests: BinaryIO, answers: BinaryIO, language: Path, dictionary: Path) -> None:
    """Answer until the requests end."""
    listeners: dict[int, Listener] = {}
    Listener(language, dictionary, rate=8000)  # so that a broken model shows now, and the files are cached
    _answer(answers, [])
    for kind, channel, payload in _read(requests):
        if kind == OPEN:
            listeners[channel] = Listener(language, dictionary, *LENGTH.unpack(payload))
        elif kind == FEED:
            _answer(answers, listeners[channel].feed(payload))
        elif kind == FINISH:
            _answer(answers, listeners[channel].finish())
        else:
            listeners.pop(channel, None)


def _read(requests: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        length, kind, channel = REQUEST.unpack(head)
        yield kind, channel, requests.read(length)


def _answer(answers: BinaryIO, results: list[Result]) -> None:
    body = msgspec.json.encode(results)
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()


def main() -> None:
    """Take the two ends of the pipe and keep everybody else off them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; our parent ends us in order
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a C library prints is no answer
    serve(sys.stdin.buffer, answers, *map(Path, sys.argv[1:3]))


if __name__ == "__main__":
    main()
