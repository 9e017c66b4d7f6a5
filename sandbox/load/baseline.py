"""A plain bridge, for comparison: what one would write first with `websockets`, json, base64 and a task a call.

    python -m sandbox.load.baseline PORT TRANSCRIBE_ENDPOINT

Twilio's frames in, 100 ms stereo chunks to Transcribe, results to the consoles of the call's agent. It checks no
signature and no ticket, keeps no order among frames, replays nothing and answers no health check: every line that
makes a bridge dependable is missing, so its CPU is what the bare work costs this way.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys

import jwt
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from media.speech.audio import PCM
from media.speech.eventstream import audio_event, read_event

CHUNK = 800
TABLE = np.array(PCM, dtype="<i2")
consoles: dict[str, set[ServerConnection]] = {}


async def bridge(socket: ServerConnection) -> None:
    """Serve one connection: a stream or a console, distinguished by its path."""
    assert socket.request is not None
    if socket.request.path == "/console":
        await watch(socket)
    else:
        await transcribe(socket)


async def watch(socket: ServerConnection) -> None:
    member = jwt.decode(json.loads(await socket.recv())["ticket"], options={"verify_signature": False})["sub"]
    consoles.setdefault(member, set()).add(socket)
    await socket.send(json.dumps({"type": "snapshot", "calls": []}))
    await socket.wait_closed()


async def transcribe(socket: ServerConnection) -> None:
    await socket.recv()
    start = json.loads(await socket.recv())["start"]
    agent = jwt.decode(start["customParameters"]["ticket"], options={"verify_signature": False})["agent"]
    tracks = {"inbound": bytearray(), "outbound": bytearray()}
    async with connect(sys.argv[2], compression=None) as out, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(answers(out, start["callSid"], agent))
        async for text in socket:
            frame = json.loads(text)
            if frame["event"] == "stop":
                break
            media = frame["media"]
            tracks[media["track"]] += base64.b64decode(media["payload"])
            if min(map(len, tracks.values())) >= CHUNK:
                pcm = np.stack([TABLE[np.frombuffer(track[:CHUNK], np.uint8)] for track in tracks.values()], axis=1)
                for track in tracks.values():
                    del track[:CHUNK]
                await out.send(audio_event(pcm.tobytes()))
        reading.cancel()


async def answers(out: ClientConnection, call: str, agent: str) -> None:
    async for event in out:
        assert isinstance(event, bytes)
        _, payload = read_event(event)
        for result in json.loads(payload)["Transcript"]["Results"]:
            utterance = {
                "id": result["ResultId"],
                "speaker": "caller" if result["ChannelId"] == "ch_0" else "agent",
                "text": result["Alternatives"][0]["Transcript"],
                "final": not result["IsPartial"],
            }
            text = json.dumps({"type": "utterance", "call": call, "utterance": utterance}, separators=(",", ":"))
            for console in consoles.get(agent, ()):
                await console.send(text)


async def main() -> None:
    async with serve(bridge, "127.0.0.1", int(sys.argv[1]), compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
