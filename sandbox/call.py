"""``python -m sandbox.call``: place a test call from the command line, and wait until it is over.

The sound is the bundled demo call's, or that of a WAV file: mono is the caller, stereo the caller (left) and the
agent (right). What the emulated Transcribe hears is printed as it comes; with ``--text`` the last line says how much
of it is wrong. Exit status 0: the call was answered; 1: it was not; 2: it could not be placed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from sandbox import demo, hear
from sandbox.recognition import word_error_rate
from sandbox.transcribe.heard import PATH as HEARD, is_of

EMULATOR = "http://127.0.0.1:8090"
TRANSCRIBE = "http://127.0.0.1:8091"
LAST_WORDS_SECONDS = 10.0  # after the call's end
POLL_SECONDS = 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class CallError(Exception):
    """The call can not be placed; its text is for the one who tried."""


class Transcript:
    """What the emulated Transcribe hears of the sound ``tracks`` (caller, agent), printed as it comes."""

    def __init__(self, url: str, tracks: Sequence[bytes]) -> None:
        self.words: list[str] = []
        self.reached = False  # whether there is an emulated Transcribe
        self.over = False  # whether a stream of the call has ended
        self._url = f"{url}{HEARD}"
        self._tracks = tracks
        self._known: set[str] = set()  # streams of earlier calls
        self._printed: dict[tuple[str, int], int] = {}  # how many utterances, by stream and channel

    async def begin(self, http: aiohttp.ClientSession) -> None:
        """Take note of the streams of other calls."""
        self._known = {stream["id"] for stream in await self._streams(http)}

    async def follow(self, http: aiohttp.ClientSession) -> None:
        """Print what came since."""
        for stream in await self._streams(http):
            channels = [channel for channel in enumerate(stream["channels"]) if stream["id"] not in self._known]
            for number, channel in channels:
                name = self._name(channel["samples"])
                if name is not None:
                    self.over = stream["ended"] is not None
                    self._print((stream["id"], number), name, channel["said"])

    async def finish(self, http: aiohttp.ClientSession) -> None:
        """Print the words that come when the call is over."""
        await self.follow(http)
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._printed and not self.over:
                    await asyncio.sleep(POLL_SECONDS)
                    await self.follow(http)
        except TimeoutError:
            pass

    def _name(self, samples: Sequence[str]) -> str | None:
        """Return who speaks in a channel that sounds like that; None if it is no channel of this call."""
        named = zip(hear.NAMES, self._tracks, strict=False)
        return next((name for name, track in named if is_of(track, samples)), None)

    def _print(self, key: tuple[str, int], name: str, said: Sequence[dict[str, Any]]) -> None:
        for utterance in said[self._printed.get(key, 0) :]:
            print(hear.line(name, utterance["start"], utterance["text"]), flush=True)
            self.words.append(utterance["text"])
        self._printed[key] = len(said)

    async def _streams(self, http: aiohttp.ClientSession) -> list[dict[str, Any]]:
        try:
            async with http.get(self._url) as answer:
                self.reached = answer.status == 200
                streams: list[dict[str, Any]] = await answer.json() if self.reached else []
                return streams
        except aiohttp.ClientConnectionError:
            return []


async def place(emulator: str, sound: bytes | None, to: str, from_: str, transcript: Transcript | None = None) -> str:
    """Place a call with the ``sound`` of a WAV file and return its last status. Raise `CallError`.

    ``sound`` None: the demo call's; ``transcript`` None: what is heard is not printed.
    """
    fields = aiohttp.FormData({"to": to, "from": from_})
    if sound is not None:
        fields.add_field("wav", sound, filename="said.wav", content_type="audio/wav")
    try:
        async with aiohttp.ClientSession(emulator, timeout=_TIMEOUT) as http:
            if transcript is not None:
                await transcript.begin(http)
            async with http.post("/sandbox/calls", data=fields) as response:
                call = await _answer(response)
            print(f"calling {call['to']} from {call['from']} ({call['sid']})", flush=True)
            return await _watch(http, call, transcript)
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise CallError(f"no emulated Twilio answers at {emulator}: is the sandbox running?") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse ``arguments`` and place the call; the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        said = None if chosen.text is None else hear.text_of(chosen.text)
        tracks = _demo_tracks() if chosen.wav is None else hear.tracks_of(chosen.wav)
        transcript = Transcript(chosen.transcribe, tracks)
        sound = None if chosen.wav is None else chosen.wav.read_bytes()
        last = asyncio.run(place(chosen.emulator, sound, chosen.to, chosen.from_, transcript))
        if said is not None and not transcript.reached:
            raise CallError(f"no emulated Transcribe answers at {chosen.transcribe}: nobody heard the call")
    except (CallError, hear.HearError) as error:
        print(f"sandbox.call: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if said is not None:
        print(word_error_rate.compare(said, " ".join(transcript.words)))
    return 0 if last == "completed" else 1


def _demo_tracks() -> list[bytes]:
    return [demo.track(name) for name in hear.NAMES]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sandbox.call", description="Place a test call in the sandbox.")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="what is said; default: the bundled demo call")
    parser.add_argument("--text", type=Path, metavar="FILE", help="what is said, to count words heard wrong")
    parser.add_argument("--to", default="", metavar="NUMBER", help="one of the sandbox's numbers; default: the first")
    parser.add_argument("--from", dest="from_", default="", metavar="NUMBER", help="who calls")
    parser.add_argument(
        "--emulator", default=EMULATOR, metavar="URL", help="the emulated Twilio (default %(default)s)"
    )
    parser.add_argument(
        "--transcribe", default=TRANSCRIBE, metavar="URL", help="the emulated Transcribe (default %(default)s)"
    )
    return parser


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    if response.content_type != "application/json":
        raise CallError(f"{response.url} is no emulated Twilio (HTTP {response.status})")
    answer: dict[str, Any] = await response.json()
    if response.status >= 400:
        raise CallError(str(answer.get("error", response.status)))
    return answer


async def _watch(http: aiohttp.ClientSession, call: dict[str, Any], transcript: Transcript | None) -> str:
    """Say each status that the call comes to, and each utterance; return the last status."""
    said = ""
    while True:
        async with http.get(f"/sandbox/calls/{call['sid']}") as response:
            call = await _answer(response)
        if transcript is not None:
            await (transcript.finish(http) if call["ended"] else transcript.follow(http))
        if call["status"] != said:
            said = str(call["status"])
            print(f"{said} after {call['seconds']} s" if call["ended"] else said, flush=True)
        if call["ended"]:
            return said
        await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
