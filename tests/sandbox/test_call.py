"""Placing test calls: the command line, and the endpoints behind the telephone network's page."""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from sandbox.audio import coded_words, mulaw, wav
from sandbox.recognition.scripted import Scripted
from sandbox.transcribe.emulator import transcribe
from sandbox.twilio.emulator import Twilio
from tests.kit.media.scripted_wav import write_call
from tests.kit.media.transcribe_client import KEY, SECRET, STEREO, presigned, transcripts
from tests.kit.vendors.twilio_customer import NUMBER, Customer, town

Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        both[1].says("/voice", "<Dial><Client>bob</Client></Dial>")
        yield both


async def command(*arguments: str) -> tuple[int, str, str]:
    """Run ``python -m sandbox.call``: exit status, output, complaints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.call", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, complaints = await process.communicate()
    return process.returncode or 0, out.decode(), complaints.decode()


def recording(file: Path, *, channels: int, seconds: float = 1.0) -> Path:
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(channels)
        writer.setframerate(8000)
        writer.setsampwidth(2)
        writer.writeframes(b"".join(b"\x00\x40" + b"\x00\x20" * (channels - 1) for _ in range(int(8000 * seconds))))
    return file


async def test_the_words_that_are_heard_are_printed_as_they_come_and_counted(place: Town, tmp_path: Path) -> None:
    """Of this call only: a stream of another one's sound is open as well."""
    emulator, customer = place
    file = write_call(tmp_path / "said.wav", ["my internet is slow", "since Monday"], 1.0)
    text = tmp_path / "said.txt"
    text.write_text("My internet was slow, since Monday.")
    caller, agent = (mulaw.decode(track) for track in wav.tracks(file.read_bytes()))
    sound = np.stack([caller, agent], axis=1).tobytes()
    arrived = asyncio.Event()
    emulator.exchange.arrivals.append(lambda _: arrived.set())
    async with transcribe(port=0, access_keys={KEY: SECRET}, recogniser=Scripted) as service:
        given = ("--wav", str(file), "--text", str(text), "--transcribe", service.url.replace("ws:", "http:"))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(command(*given, "--emulator", emulator.url))
            async with asyncio.timeout(60):
                await arrived.wait()
            other = mulaw.decode(coded_words.encode("quite another call"))
            url = presigned(service.url, STEREO)
            await transcripts(url, np.stack([other, other], axis=1).tobytes(), 3200)
            await transcripts(url, sound, 3200)
            leg = next(iter(emulator.exchange.legs.values()))
            await customer.until(lambda: leg.answered)
            leg.hang_up()
    status, out, complaints = running.result()
    assert (status, complaints) == (0, "")
    lines = out.splitlines()
    heard = [" ".join(line.split()[1:]) for line in lines if " caller " in line]
    assert heard == ["caller my internet is slow", "caller since Monday"]
    assert lines[-1] == "word error rate 0.167 of 6 words"


async def test_to_count_words_somebody_must_have_heard_them(place: Town, tmp_path: Path) -> None:
    file, text = recording(tmp_path / "said.wav", channels=1), tmp_path / "said.txt"
    text.write_text("words")
    status, _, complaints = await command(
        *("--wav", str(file), "--text", str(text), "--emulator", place[0].url, "--transcribe", "http://127.0.0.1:1")
    )
    assert (status, len(complaints.splitlines())) == (2, 1)


@pytest.mark.parametrize("channels", [1, 2])
async def test_the_command_plays_a_file_and_waits_for_the_end(place: Town, tmp_path: Path, channels: int) -> None:
    emulator, _ = place
    file = recording(tmp_path / "said.wav", channels=channels)
    status, out, complaints = await command("--wav", str(file), "--emulator", emulator.url)
    assert (status, complaints) == (0, "")
    leg = next(leg for leg in emulator.exchange.legs.values() if not leg.parent)
    assert out.splitlines()[0] == f"calling {NUMBER} from +61491570006 ({leg.sid})"
    assert out.splitlines()[-1].startswith("completed after ")
    assert (len(leg.sound.caller), len(leg.sound.agent)) == (50, 50 if channels == 2 else 0)


async def test_a_call_that_nobody_answers_is_exit_status_1(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Reject/>")
    status, out, _ = await command("--to", NUMBER, "--from", "+61491570157", "--emulator", emulator.url)
    assert (status, out.splitlines()[-1]) == (1, "failed after 0 s")


async def test_what_can_not_be_played_or_called_is_one_clear_line(place: Town, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"not sound")
    wrong = {
        ("--wav", str(bad), "--emulator", place[0].url): str(bad),
        ("--wav", str(tmp_path / "none.wav")): str(tmp_path / "none.wav"),
        ("--to", "+61299998888", "--emulator", place[0].url): "+61299998888",
        ("--emulator", "http://127.0.0.1:1"): "http://127.0.0.1:1",
        ("--emulator", place[1].url): place[1].url,
    }
    for arguments, named in wrong.items():
        status, out, complaints = await command(*arguments)
        assert (status, out, len(complaints.splitlines())) == (2, "", 1), complaints
        assert named in complaints


async def test_the_page_is_strict_and_served_with_its_parts(place: Town) -> None:
    async with aiohttp.ClientSession(place[0].url) as http:
        async with http.get("/") as response:
            policy = response.headers["Content-Security-Policy"]
            page = await response.text()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script src=" in page
        for part in ("/phone-page.js", "/phone-page.css", "/voice-sdk.js"):
            async with http.get(part) as response:
                assert (response.status, bool(await response.text())) == (200, True)


async def test_the_state_names_numbers_calls_and_alerts(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Sing/><Say>Hello</Say><Pause length='60'/>")
    leg = emulator.place_call()
    await customer.until_asked("/voice")
    async with aiohttp.ClientSession(emulator.url) as http:
        async with http.post("/sandbox/calls", data={"to": NUMBER}) as response:
            placed = await response.json()
            assert (response.status, placed["to"]) == (201, NUMBER)
        async with http.get("/sandbox/state") as response:
            state = await response.json()
        assert state["numbers"] == [NUMBER]
        assert [call["sid"] for call in state["calls"]] == [placed["sid"], leg.sid]
        async with http.delete(f"/sandbox/calls/{leg.sid}") as response:
            assert (response.status, leg.over.is_set()) == (204, True)
        async with http.get("/sandbox/calls/CA0") as response:
            assert response.status == 404


async def test_pages_of_other_origins_place_no_calls(place: Town) -> None:
    emulator, _ = place
    stranger = {"Origin": "https://elsewhere.example"}
    async with aiohttp.ClientSession(emulator.url) as http:
        async with http.post("/sandbox/calls", headers=stranger) as response:
            assert response.status == 403
        async with http.post("/sandbox/calls", headers={"Origin": emulator.url}) as response:
            assert response.status == 201
            sid = (await response.json())["sid"]
        async with http.delete(f"/sandbox/calls/{sid}", headers=stranger) as response:
            assert response.status == 403
    assert len([leg for leg in emulator.exchange.legs.values() if not leg.parent]) == 1
