"""Credentials expire, are renewed, are refused: a connection made with old ones is replaced in time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from awscrt.auth import AwsCredentials, AwsCredentialsProvider

from media.speech.transcribe import ConnectionTiming
from media.speech.transcription import Timing
from sandbox.engines.nats import NatsServer
from tests.kit.media.heard_words import Talk, account
from tests.kit.media.media_node import media_node, scripted_vendor

LIFE_SECONDS = 2.0
KEYS = {f"ASIATEST{number}": f"secret{number}" for number in range(100)}
TOKENS = {key: f"token of {key}" for key in KEYS}


def short_lived() -> AwsCredentialsProvider:
    """Return fresh temporary credentials each time, as a role has; these last two seconds."""
    numbers = itertools.count()

    def issue() -> AwsCredentials:
        key = f"ASIATEST{next(numbers)}"
        ends = datetime.now(UTC) + timedelta(seconds=LIFE_SECONDS)
        return AwsCredentials(key, KEYS[key], TOKENS[key], ends)

    provider: AwsCredentialsProvider = AwsCredentialsProvider.new_delegate(issue)
    return provider


async def test_a_connection_is_replaced_before_its_credentials_expire(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    lasting = ConnectionTiming(before_expiry=1.0, least=0.2)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor(access_keys=KEYS, session_tokens=TOKENS) as vendor,
        media_node(
            nats,
            vendor,
            port=free_port(),
            credentials=short_lived(),
            timing=Timing(overlap=0.5),
            connection_timing=lasting,
        ) as node,
    ):
        screen = await node.screen()
        talk = Talk(await node.call())
        for number in range(40):
            await talk.say(1, "outbound" if number % 6 == 2 else "inbound", pause=number % 4 == 3)
            await asyncio.sleep(0.12)
        await talk.end(screen)
        assert account(talk, screen) == []
        assert screen.gaps(talk.line.call) == []
        assert vendor.opened >= 3
        assert vendor.refused == 0
        assert "reconnecting" not in screen.states(talk.line.call)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # awscrt's way to pass it on
async def test_credentials_that_cannot_be_had_are_asked_for_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Their source is unavailable for a moment, so a retry may help."""
    tries = itertools.count()

    def issue() -> AwsCredentials:
        if next(tries) < 3:
            raise ConnectionError("away")
        return AwsCredentials("ASIATEST0", KEYS["ASIATEST0"], TOKENS["ASIATEST0"], None)

    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor(access_keys=KEYS, session_tokens=TOKENS) as vendor,
        media_node(
            nats,
            vendor,
            port=free_port(),
            credentials=AwsCredentialsProvider.new_delegate(issue),
            timing=Timing(back_off=(0.02, 0.1, 0.5)),
        ) as node,
    ):
        screen = await node.screen()
        talk = Talk(await node.call())
        await talk.say(6, pause=True)
        await screen.until(lambda: "i5" in screen.words(talk.line.call))
        await talk.end(screen)
        assert account(talk, screen) == []
        assert "reconnecting" in screen.states(talk.line.call)
