"""Real recognition of anybody's English, by Moonshine in a process of its own (the wheel ``moonshine-voice``).

The wheel carries its model, so nothing is downloaded. One process and one model serve every channel.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path

from sandbox.recognition.process import Engine, Program, running
from sandbox.recognition.recogniser import RecogniserError

_WORKER = "sandbox.recognition.moonshine.worker"
_PROJECT = Path(__file__).parents[3]
_MEASURE_SECONDS = 60.0  # a model's start and three decodings, on a busy machine


def moonshine() -> AbstractAsyncContextManager[Engine]:
    """Return a running recogniser; raises `RecogniserError` if it cannot be started."""
    return running(Program("Moonshine", _WORKER))


def _is_installed() -> bool:
    try:
        return find_spec("moonshine_voice") is not None
    except ValueError:  # something took its place in sys.modules
        return False


async def calls_heard() -> int:
    """Measure how many calls this machine can hear at once. Raise `RecogniserError` if it cannot run Moonshine."""
    if not _is_installed():
        raise RecogniserError("the wheel moonshine-voice is not installed: there is none for every machine")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _WORKER,
        "--measure",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=_PROJECT,
    )
    try:
        async with asyncio.timeout(_MEASURE_SECONDS):
            out, complaints = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RecogniserError("Moonshine takes too long to start") from None
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        last = complaints.decode(errors="replace").strip().splitlines()[-1:]
        raise RecogniserError(f"Moonshine does not run here ({''.join(last) or f'exit status {process.returncode}'})")
    return int(out)
