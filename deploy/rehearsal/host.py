"""The host under rehearsal, as its operator handles it: Docker Compose, and the scripts of deploy/."""

from __future__ import annotations

import asyncio
from pathlib import Path

ROOT = Path(__file__).parents[2]
_STEP_SECONDS = 900
_READY_SECONDS = 300
_POLL_SECONDS = 0.5


class StepError(Exception):
    """A command failed; the text has its last lines."""


async def run(*command: str, stdin: str = "", seconds: float = _STEP_SECONDS) -> str:
    """Run a command in the checkout; return its output. Raise `StepError` if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            said, complained = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        raise StepError(f"{' '.join(command)}: not done after {seconds:g} s") from None
    if process.returncode:
        raise StepError(f"{' '.join(command)}: {(said + complained).decode()[-1500:]}")
    return said.decode()


async def compose(*arguments: str, stdin: str = "") -> str:
    """Run `docker compose` on the files of the rehearsal; return its output."""
    return await run("docker", "compose", *arguments, stdin=stdin)


async def containers(service: str) -> list[str]:
    """Return the ids of the containers of ``service`` that run."""
    return (await compose("ps", "--quiet", "--status", "running", service)).split()


async def ready(*services: str) -> None:
    """Wait until every container of ``services`` (default: all) is healthy."""
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            states = await compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}", *services)
            rows = [row.split() for row in states.splitlines() if not row.startswith("migrate ")]
            if rows and all(row[1:] == ["running", "healthy"] for row in rows):
                return
            await asyncio.sleep(_POLL_SECONDS)


async def script(name: str, *arguments: str) -> None:
    """Run deploy/``name``.sh."""
    await run(f"deploy/{name}.sh", *arguments)
