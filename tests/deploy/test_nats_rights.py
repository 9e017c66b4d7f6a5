"""deploy/nats.conf gives each process the rights that protocol/messages.py says it uses: all of them, and no more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest

from protocol import messages
from protocol.messages import Nothing, Subject, User, Words
from sandbox.engines.nats import NatsServer

_CONFIGURATION = (Path(__file__).parents[2] / "deploy" / "nats.conf").read_text()
_NAMESPACES: tuple[Subject[Any], ...] = (
    *(
        Subject(f"{root}.>", Words, publishers=["media"], subscribers=["media"])
        for root in ("transcript", "snapshot", "ticket", "slots", "_INBOX")
    ),
    Subject(f"{messages.WEB_ECHO.all}.>", Nothing, subscribers=["web"]),
)
"""What one kind of process has to itself, whatever a release adds below it."""
_SUBJECTS: dict[str, Subject[Any]] = {
    name: value for name, value in vars(messages).items() if isinstance(value, Subject)
} | {subject.all: subject for subject in _NAMESPACES}
_USERS: list[User] = ["media", "web", "provisioning"]


def _written(user: User, right: str) -> set[str]:
    """The subjects in the user's rights; none for ``{deny: ">"}``."""
    [block] = re.findall(rf"user: {user}\b.*?permissions \{{(.*?)\n      \}}", _CONFIGURATION, re.DOTALL)
    [allowed] = re.findall(rf"^ +{right}: (\[.*?\]|\{{deny: \">\"\}})$", block, re.DOTALL | re.MULTILINE)
    return set() if "deny" in allowed else set(re.findall(r'"([^"]+)"', allowed))


def _covers(right: str, subject: str) -> bool:
    """Whether ``right`` allows ``subject``, which may have wildcards of its own."""
    rights, tokens = right.split("."), subject.split(".")
    if rights[-1] == ">":
        return len(tokens) >= len(rights) and _covers(".".join(rights[:-1]), ".".join(tokens[: len(rights) - 1]))
    return len(rights) == len(tokens) and all(
        a == b or (a == "*" and b != ">") for a, b in zip(rights, tokens, strict=True)
    )


def _used(subjects: Iterator[str]) -> set[str]:
    """The widest of ``subjects``: one that another covers needs no right of its own."""
    found = set(subjects)
    return {one for one in found if not any(_covers(other, one) for other in found - {one})}


@pytest.mark.parametrize("user", _USERS)
def test_the_rights_are_exactly_what_is_used(user: User) -> None:
    published = _used(subject.all for subject in _SUBJECTS.values() if user in subject.publishers)
    assert _written(user, "publish") == published
    subscribed = _used(subject.all for subject in _SUBJECTS.values() if user in subject.subscribers)
    assert _written(user, "subscribe") == subscribed


def test_nothing_with_words_is_for_who_has_a_disk() -> None:
    words = [subject for subject in _SUBJECTS.values() if subject.all.startswith(("transcript.", "_INBOX."))]
    assert {user for subject in words for user in subject.publishers | subject.subscribers} == {"media"}


def _example(subject: Subject[Any]) -> str:
    return subject.all.replace("*", "x").replace(">", "y")


async def test_the_server_reads_the_rights_as_they_are_meant(tmp_path: Path) -> None:
    """Each user publishes to every subject there is, and subscribes to it: the server refuses what is not its own."""
    async with NatsServer(tmp_path) as server:
        for user in _USERS:
            refused = await _refusals(server, user)
            assert refused == {
                (kind, name)
                for name, subject in _SUBJECTS.items()
                for kind, right in (("publish", "publish"), ("subscription", "subscribe"))
                if not any(
                    _covers(written, _example(subject) if kind == "publish" else subject.all)
                    for written in _written(user, right)
                )
            }


async def _refusals(server: NatsServer, user: User) -> set[tuple[str, str]]:
    """What the server refuses ``user``: ("publish" or "subscription", the subject's name in `protocol.messages`)."""
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error).lower())

    client = await nats.connect(server.url(user), error_cb=note)
    try:
        for subject in _SUBJECTS.values():
            await client.publish(_example(subject), b"{}")
            await client.subscribe(subject.all)
        async with asyncio.timeout(60):
            await client.publish("nobody.may", b"")  # refused after all the others
            while not any('"nobody.may"' in error for error in errors):  # noqa: ASYNC110 (a list has no event)
                await asyncio.sleep(0.01)
    finally:
        await client.close()
    said = {(kind, name) for error in errors for kind, name in re.findall(r'for (\w+) (?:to )?"([^"]+)"', error)}
    return {
        (kind, name)
        for name, subject in _SUBJECTS.items()
        for kind, text in (("publish", _example(subject)), ("subscription", subject.all))
        if (kind, text.lower()) in said
    }
