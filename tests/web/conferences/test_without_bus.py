"""NATS, media and one of two web processes die at once: calls still ring, are answered, held and transferred."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from db.engine import Database
from sandbox.engines.nats import NatsServer
from tests.kit.machines.two_webs import TwoWebs, two_webs
from tests.kit.media.media_node import media_process, scripted_vendor
from tests.kit.web.cast import Cast
from tests.kit.web.phones import page
from tests.kit.web.room_town import CALLER, commanded
from tests.kit.web.site import Browser
from web.config import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


async def _transcribed(pair: TwoWebs, call: UUID) -> None:
    """Wait until web knows by NATS that media hears the call."""
    async with asyncio.timeout(60):
        while (await pair.town.row(call)).transcription != "transcribing":  # noqa: ASYNC110 (a row has no event)
            await asyncio.sleep(0.05)


async def _answers(browser: Browser, pair: TwoWebs, call: UUID) -> None:
    """Wait until the call rings at that browser's page, and answer it."""
    async with page(browser) as shown:
        await shown.sees(lambda state: str(call) in [offer["call"] for offer in state.get("offers", [])])
    assert (await commanded(browser, call, "claim"))[0] == 200


async def test_talking_depends_on_neither_nats_nor_media_nor_one_process(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int], tmp_path: Path
) -> None:
    port = free_port()
    shared: dict[str, Any] = {
        "web_public_url": settings.web_public_url,
        "stream_shared_secret": settings.stream_shared_secret.get_secret_value(),
        "twilio_auth_tokens": settings.twilio_auth_tokens[0].get_secret_value(),
    }
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_process(nats, vendor, port, **shared) as media,
        two_webs(
            settings,
            database,
            cast,
            free_port,
            {"NATS_URL": nats.url("web"), "MEDIA_PUBLIC_URL": f"ws://127.0.0.1:{port}"},
        ) as pair,
    ):
        town = pair.town
        bob, dana = await pair.sign_in(cast.bob), await pair.sign_in(cast.dana)
        customer = town.twilio.place_call(from_=CALLER, to=cast.number.e164, caller_audio=b"")
        await town.until(lambda: town.is_in(customer))
        call = await town.call_of(customer.sid)
        await _transcribed(pair, call)

        assert nats.child is not None
        assert media.process is not None
        nats.child.process.kill()
        media.process.kill()
        await pair.kill()

        await _answers(bob, pair, call)
        agent = town.joins(call, cast.bob)
        await town.until_room(call, lambda room: room.phase == "talking")
        assert (await commanded(bob, call, "hold"))[0] == 200
        await town.until_room(call, lambda room: room.held)
        assert (await commanded(bob, call, "resume"))[0] == 200
        await town.until_room(call, lambda room: not room.held)
        wanted = {"kind": "blind", "to": {"member": str(cast.dana.id)}}
        assert (await commanded(bob, call, "transfer", wanted))[0] == 200
        await _answers(dana, pair, call)
        town.joins(call, cast.dana)
        await town.ended(agent)
        await town.until_room(
            call, lambda room: room.agent == cast.dana.id and room.transfer is None and not room.held
        )
        assert town.is_in(customer)
