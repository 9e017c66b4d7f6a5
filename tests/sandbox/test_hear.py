"""``python -m sandbox.hear``: what is heard in a file, and how much of it is wrong."""

from __future__ import annotations

import asyncio
import re
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from sandbox import demo, hear
from sandbox.audio import mulaw
from sandbox.recognition.word_error_rate import words

LAST = re.compile(r"word error rate ([0-9]\.[0-9]{3}) of ([0-9]+) words")


async def command(*arguments: str) -> tuple[int, list[str], str]:
    """Run ``python -m sandbox.hear``: exit status, lines of output, complaints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.hear", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    out, complaints = await process.communicate()
    return process.returncode or 0, out.decode().splitlines(), complaints.decode()


def recording(file: Path, tracks: list[bytes]) -> Path:
    with wave.open(str(file), "wb") as writer:
        writer.setparams((len(tracks), 2, mulaw.RATE, 0, "NONE", ""))
        writer.writeframes(np.stack([mulaw.decode(track) for track in tracks], axis=1).tobytes())
    return file


@pytest.fixture
def exchange(tmp_path: Path) -> tuple[Path, Path, int]:
    """Two short turns of the demo call, the agent's and the caller's: the sound, the words, how many."""
    first, second = demo.script()[6:8]
    start, end = int((first.start - 0.5) * mulaw.RATE), int((second.end + 0.5) * mulaw.RATE)
    text = tmp_path / "said.txt"
    text.write_text(f"{first.text}\n{second.text}\n")
    sound = recording(tmp_path / "said.wav", [demo.track(speaker)[start:end] for speaker in ("caller", "agent")])
    return sound, text, len(words(text.read_text()))


@pytest.mark.parametrize("speech", ["pocketsphinx", pytest.param("moonshine", marks=pytest.mark.slow)])
async def test_both_people_are_heard_in_turn_and_the_last_line_counts_what_is_wrong(
    exchange: tuple[Path, Path, int], speech: str
) -> None:
    if speech == "moonshine":
        pytest.importorskip("moonshine_voice")
    sound, text, said = exchange
    status, lines, complaints = await command("--wav", str(sound), "--text", str(text), "--speech", speech)
    assert (status, complaints) == (0, "")
    assert [line.split()[1] for line in (lines[0], lines[-2])] == ["agent", "caller"]
    last = LAST.fullmatch(lines[-1])
    assert last is not None
    assert int(last[2]) == said
    assert float(last[1]) <= 0.2


async def test_without_a_text_only_the_words_are_printed(exchange: tuple[Path, Path, int]) -> None:
    status, lines, _ = await command("--wav", str(exchange[0]), "--speech", "pocketsphinx")
    assert status == 0
    assert not [line for line in lines if LAST.fullmatch(line)]
    assert len(lines) >= 2


def test_without_the_wheel_another_one_hears_and_says_so(
    exchange: tuple[Path, Path, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "moonshine_voice", None)  # as if it were not installed
    assert hear.main(["--wav", str(exchange[0]), "--text", str(exchange[1])]) == 0
    said = capsys.readouterr()
    assert "moonshine-voice" in said.err
    last = LAST.fullmatch(said.out.splitlines()[-1])
    assert last is not None
    assert float(last[1]) <= 0.2


async def test_what_can_not_be_heard_or_read_is_one_clear_line(
    exchange: tuple[Path, Path, int], tmp_path: Path
) -> None:
    bad, empty, binary = tmp_path / "bad.wav", tmp_path / "empty.txt", tmp_path / "binary.txt"
    bad.write_bytes(b"not sound")
    empty.write_text(" .\n")
    binary.write_bytes(b"\xff\xfe\x00")
    sound = str(exchange[0])
    wrong = {
        ("--wav", str(bad)): bad,
        ("--wav", str(tmp_path / "none.wav")): tmp_path / "none.wav",
        ("--wav", sound, "--text", str(empty)): empty,
        ("--wav", sound, "--text", str(binary)): binary,
        ("--wav", sound, "--text", str(tmp_path)): tmp_path,
    }
    for arguments, place in wrong.items():
        status, lines, complaints = await command(*arguments)
        assert (status, lines, len(complaints.splitlines())) == (2, [], 1), complaints
        assert f"{place}: " in complaints
