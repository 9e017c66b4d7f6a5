"""One long call through all that may happen to it: held and resumed, handed over blind and warm, Transcribe's stream
rolled over, and the media node that hears it killed. Every word is accounted for.

What was said to the customer or by them is on the console once, in order, or in a gap that says so. What was said
while they were on hold, by them or between agents, is nowhere.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from db.engine import Database
from db.models import Member
from sandbox.audio import coded_words
from sandbox.audio.clock import Clock
from sandbox.audio.live_voice import LiveVoice
from sandbox.audio.voice import FRAME_BYTES, SILENCE
from sandbox.twilio.browser.signalling import call_app
from sandbox.twilio.emulator import Leg
from tests.kit.machines.house import House, empty_house
from tests.kit.media.credential_sources import Role, pod_agent, served
from tests.kit.media.heard_words import SPEAKERS, WORD_MS, Word, missing
from tests.kit.media.media_ends import Screen
from tests.kit.web.cast import Cast
from tests.kit.web.phones import page
from tests.kit.web.room_town import RoomTown, commanded, present
from tests.kit.web.site import Browser, Site
from web.config import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SOON = 10  # ticks from now until somebody speaks
TICK_MS = 20
REST = 50  # ticks of silence after words: enough to end an utterance
LONGEST_ROLL_OVER = 40  # times that both say a few words until Transcribe's stream is another one
MOST_UNHEARD = 30  # times that somebody says a few words until they are heard again


class Mouth(LiveVoice):
    """Somebody who says words when told to, and knows at which tick each begins."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._clock = clock
        self._said: dict[int, str] = {}  # frames, by the tick at which they are heard
        self._free_at = 0

    def frame(self, tick: int) -> str:
        return self._said.get(tick, SILENCE)

    def begin_to_say(self, words: Sequence[str]) -> list[int]:
        """Say ``words`` from a moment from now on; return when each begins."""
        at, began = max(self._free_at, self._clock.tick() + SOON), []
        for word in words:
            began.append(at)
            sound = coded_words.encode(word)
            for start in range(0, len(sound), FRAME_BYTES):
                self._said[at] = base64.b64encode(sound[start : start + FRAME_BYTES]).decode()
                at += 1
        self._free_at = at + REST
        return began

    @property
    def is_silent(self) -> bool:
        """Whether all was said, and the pause after it is over."""
        return self._clock.tick() >= self._free_at

    async def falls_silent(self) -> None:
        """Wait until it is."""
        await self._clock.until(self._free_at)


@dataclass
class Conversation:
    """The call: who talks in it, what the customer heard and said, and the console that shows it."""

    town: RoomTown
    screen: Screen
    customer: Leg
    call: UUID
    browsers: Mapping[UUID, Browser]
    mouths: dict[UUID | None, Mouth] = field(default_factory=dict)
    """By member; None is the customer."""
    said: list[tuple[str, str, int]] = field(default_factory=list)
    """Words that the customer said or heard, by whom, and when."""

    @property
    def sid(self) -> str:
        return self.customer.sid

    def shown(self, speaker: str | None = None, screen: Screen | None = None) -> list[str]:
        """The words of one speaker, or all, in the order in which they were said, finished or not."""
        spoken = (screen or self.screen).calls()[self.sid]["utterances"].values()
        theirs = [one for one in spoken if speaker in (None, one["speaker"])]
        return " ".join(one["text"] for one in sorted(theirs, key=lambda one: one["start_ms"])).split()

    async def talk(self, *whom: Member | None) -> None:
        """Each says a few words, one after the other. Wait until the last one is on the console."""
        for member in whom:
            last = self.begin(member)
            await self.mouths[_id(member)].falls_silent()
        await self.sees(lambda: last in self.shown())

    async def talk_until_heard(self) -> None:
        """Let the customer go on until something of it is on the console again."""
        mouth = self.mouths[None]
        for _ in range(MOST_UNHEARD):
            last = self.begin(None)
            await self.sees(lambda last=last: mouth.is_silent or last in self.shown())  # type: ignore[misc]
            if last in self.shown():
                return
        raise AssertionError("nothing is heard any more")

    def begin(self, member: Member | None, words: int = 4) -> str:
        """Let somebody begin to say words; return the last of them."""
        who, speaker = ("c", "caller") if member is None else (member.name[0].lower(), "agent")
        texts = [f"{who}{len(self.said) + place}" for place in range(words)]
        began = self.mouths[_id(member)].begin_to_say(texts)
        self.said += [(text, speaker, tick) for text, tick in zip(texts, began, strict=True)]
        return texts[-1]

    async def talk_unheard(self, *whom: Member | None) -> None:
        """Each says a few words that are no business of the console."""
        for member in whom:
            self.mouths[_id(member)].begin_to_say(["private", "aside"])
            await self.mouths[_id(member)].falls_silent()

    async def sees(self, condition: Callable[[], bool]) -> None:
        """Read on at the console until it is so."""
        await self.screen.until(condition)

    async def is_held(self, held: bool) -> None:
        """Wait until the customer is, or is not, on hold at Twilio and on the console."""
        await self.town.until_room(self.call, lambda room: room.held is held)
        await self.sees(lambda: (self.screen.calls()[self.sid]["state"] == "held") is held)

    async def commands(self, member: Member, what: str, body: object = None) -> None:
        status, answer = await commanded(self.browsers[member.id], self.call, what, body)
        assert status == 200, answer

    async def joins(self, member: Member) -> Leg:
        """Let it ring at the member, who answers, and is in the room."""
        browser = self.browsers[member.id]
        async with page(browser) as seen:
            await seen.sees(lambda state: [offer["call"] for offer in state["offers"]] == [str(self.call)])
        await self.commands(member, "claim")
        leg = call_app(self.town.twilio.exchange, member.id.hex, {"room": str(self.call)})
        leg.voice = self.mouths[member.id] = Mouth(self.town.twilio.exchange.clock)
        await self.town.until_room(self.call, lambda room: room.leg_of(member.id) is not None)
        return leg

    def account(self, screen: Screen) -> Sequence[Word]:
        """Hold what is shown against what was said; return the words that are missing, each of which is in a gap."""
        utterances = screen.calls()[self.sid]["utterances"].values()
        first = min(utterances, key=lambda one: one["start_ms"])
        (began,) = [tick for text, _, tick in self.said if text == first["text"].split()[0]]
        said = []
        for text, speaker, tick in self.said:
            start = first["start_ms"] + (tick - began) * TICK_MS
            said.append(Word(text, speaker, start, start + WORD_MS))
        # A word that a seam cuts in two is lost as a whole.
        gaps = [(gap["from_ms"] - WORD_MS, gap["to_ms"] + WORD_MS) for gap in screen.gaps(self.sid)]
        return missing(said, {speaker: self.shown(speaker, screen) for speaker in SPEAKERS.values()}, gaps)


def _id(member: Member | None) -> UUID | None:
    return None if member is None else member.id


@pytest_asyncio.fixture
async def bilby(
    settings: Settings, database: Database, cast: Cast, tmp_path: Path, free_port: Callable[[], int]
) -> AsyncIterator[House]:
    """Two agents are available. Credentials end so soon that a stream to Transcribe is replaced after a minute."""
    role, port, token = Role(proof="the pod's token"), free_port(), tmp_path / "token"
    token.write_text(role.proof)
    environment = {
        "aws_access_key_id": "",
        "aws_secret_access_key": "",
        "aws_container_credentials_full_uri": f"http://127.0.0.1:{port}/v1/credentials",
        "aws_container_authorization_token_file": str(token),
    }
    known = {"access_keys": role.keys, "session_tokens": role.tokens}
    async with (
        served(pod_agent(role), "127.0.0.1", port),
        empty_house(settings, cast, tmp_path, free_port, known=known, media=environment) as running,
    ):
        await present(database, cast)
        yield running


@pytest_asyncio.fixture
async def conversation(bilby: House, database: Database) -> AsyncIterator[Conversation]:
    """Somebody has called, and is in their room."""
    town = RoomTown(bilby.emulator, Site(None, bilby.settings.web_public_url), database, bilby.cast)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        browsers = {}
        for member in (bilby.cast.bob, bilby.cast.dana):
            browser = browsers[member.id] = Browser(town.site, database)
            stack.push_async_callback(browser.http.close)
            await browser.sign_in_by_link(member)
        screen = await bilby.screen(bilby.second)
        customer = bilby.emulator.place_call(to=bilby.cast.number.e164, caller_audio=b"")
        mouth = customer.voice = Mouth(bilby.emulator.exchange.clock)
        await town.until(lambda: town.is_in(customer))
        call = await town.call_of(customer.sid)
        await town.until_room(call, lambda room: room.rings)
        await screen.until(lambda: customer.sid in screen.calls())
        yield Conversation(town, screen, customer, call, browsers, {None: mouth})


async def test_every_word_of_a_long_call_is_accounted_for(bilby: House, conversation: Conversation) -> None:
    bob, dana = bilby.cast.bob, bilby.cast.dana
    await conversation.joins(bob)
    await conversation.talk(None, bob)
    await _held_and_resumed(conversation, bob)
    await _handed_over_blind(conversation, bob, dana)
    await _handed_over_warm(conversation, dana, bob)
    await _rolled_over(bilby, conversation, bob)
    assert conversation.account(conversation.screen) == []
    assert conversation.screen.gaps(conversation.sid) == []
    await _survives_the_death_of_its_node(bilby, conversation, bob)
    await _held_and_resumed(conversation, bob)
    late = await bilby.screen(bilby.second)
    await conversation.commands(bob, "hang-up")
    await asyncio.gather(conversation.screen.ended(conversation.sid), late.ended(conversation.sid))
    for screen in (conversation.screen, late):
        missed = conversation.account(screen)
        assert all(gap["cause"] == "bilby" for gap in screen.gaps(conversation.sid))
        assert bool(missed) <= bool(screen.gaps(conversation.sid))
        assert "private" not in conversation.shown(screen=screen)
    assert bilby.starts() == 1


async def _held_and_resumed(conversation: Conversation, agent: Member) -> None:
    await conversation.commands(agent, "hold")
    await conversation.is_held(True)
    await conversation.talk_unheard(None, agent)
    await conversation.commands(agent, "resume")
    await conversation.is_held(False)
    await conversation.talk(agent, None)


async def _handed_over_blind(conversation: Conversation, first: Member, second: Member) -> None:
    await conversation.commands(first, "transfer", {"kind": "blind", "to": {"member": str(second.id)}})
    await conversation.is_held(True)
    await conversation.talk_unheard(None)
    await conversation.joins(second)
    await conversation.is_held(False)
    await conversation.talk(second, None)
    await conversation.commands(first, "wrap-up", {"done": True})


async def _handed_over_warm(conversation: Conversation, first: Member, second: Member) -> None:
    await conversation.commands(first, "transfer", {"kind": "warm", "to": {"member": str(second.id)}})
    await conversation.is_held(True)
    await conversation.joins(second)
    await conversation.talk_unheard(first, second, None)
    await conversation.commands(first, "bring-in")
    await conversation.is_held(False)
    await conversation.talk(None, first, second)
    await conversation.commands(first, "complete")
    await conversation.town.until_room(
        conversation.call, lambda room: room.transfer is None and room.leg_of(first.id) is None
    )
    await conversation.talk(second, None)


async def _rolled_over(bilby: House, conversation: Conversation, agent: Member) -> None:
    """Talk on until another stream to Transcribe has taken over, and the first one is closed."""
    for _ in range(LONGEST_ROLL_OVER):
        await conversation.talk(None, agent)
        if bilby.transcribe.opened > 1 and bilby.transcribe.open == 1:
            break
    assert (bilby.transcribe.opened > 1, bilby.transcribe.open, bilby.transcribe.refused) == (True, 1, 0)
    await conversation.talk(None, agent)


async def _survives_the_death_of_its_node(bilby: House, conversation: Conversation, agent: Member) -> None:
    """``kill -9`` in the middle of a sentence."""
    conversation.begin(None, 30)
    await conversation.sees(lambda: conversation.said[-26][0] in conversation.shown())
    bilby.turn()
    await bilby.first.crash()
    await conversation.talk_until_heard()
    await conversation.talk(agent, None)
