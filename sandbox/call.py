"""``python -m sandbox.call``: place a test call from the command line, and wait until it is over.

The sound is the bundled demo call's, or that of a WAV file: mono is the caller, stereo the caller (left) and the
agent (right). Exit status 0: the call was answered; 1: it was not; 2: it could not be placed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.audio import wav

EMULATOR = "http://127.0.0.1:8090"
POLL_SECONDS = 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class CallError(Exception):
    """The call can not be placed; its text is for the one who tried."""


async def place(emulator: str, wav_file: Path | None, to: str, from_: str) -> str:
    """Place a call and return its last status. Raises `CallError`."""
    fields = aiohttp.FormData({"to": to, "from": from_})
    if wav_file is not None:
        fields.add_field("wav", _content(wav_file), filename=wav_file.name, content_type="audio/wav")
    try:
        async with aiohttp.ClientSession(emulator, timeout=_TIMEOUT) as http:
            async with http.post("/sandbox/calls", data=fields) as response:
                call = await _answer(response)
            print(f"calling {call['to']} from {call['from']} ({call['sid']})", flush=True)
            return await _watch(http, call)
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise CallError(f"no emulated Twilio answers at {emulator}: is the sandbox running?") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse ``arguments`` and place the call; the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        last = asyncio.run(place(chosen.emulator, chosen.wav, chosen.to, chosen.from_))
    except CallError as error:
        print(f"sandbox.call: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0 if last == "completed" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sandbox.call", description="Place a test call in the sandbox.")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="what is said; default: the bundled demo call")
    parser.add_argument("--to", default="", metavar="NUMBER", help="one of the sandbox's numbers; default: the first")
    parser.add_argument("--from", dest="from_", default="", metavar="NUMBER", help="who calls")
    parser.add_argument(
        "--emulator", default=EMULATOR, metavar="URL", help="the emulated Twilio (default %(default)s)"
    )
    return parser


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        wav.tracks(content)
    except OSError as error:
        raise CallError(f"{file}: {error.strerror}") from None
    except wav.WavError as error:
        raise CallError(f"{file}: {error}") from None
    return content


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    if response.content_type != "application/json":
        raise CallError(f"{response.url} is no emulated Twilio (HTTP {response.status})")
    answer: dict[str, Any] = await response.json()
    if response.status >= 400:
        raise CallError(str(answer.get("error", response.status)))
    return answer


async def _watch(http: aiohttp.ClientSession, call: dict[str, Any]) -> str:
    """Say each status that the call comes to; the last one."""
    said = ""
    while True:
        async with http.get(f"/sandbox/calls/{call['sid']}") as response:
            call = await _answer(response)
        if call["status"] != said:
            said = str(call["status"])
            print(f"{said} after {call['seconds']} s" if call["ended"] else said, flush=True)
        if call["ended"]:
            return said
        await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
