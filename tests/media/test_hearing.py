"""What a call's number sets: language, custom vocabulary, and whether personal details are left out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest_asyncio
from nats.aio.msg import Msg

from protocol.messages import VOCABULARY_CHECKED, VOCABULARY_WANTED, CheckedVocabulary, Vocabulary as Wanted
from protocol.tickets import sign_stream, sign_vocabulary
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.json_api import json_services
from sandbox.transcribe.request import Vocabulary
from sandbox.twilio.phone.media_stream import CONNECTED
from tests.kit.media.media_ends import Line
from tests.kit.media.media_node import KEYS, SECRET, Node, media_node, scripted_vendor
from tests.kit.media.nats import settled

SID = "CA" + "7" * 32
LEGAL = {"legal": Vocabulary("en-AU")}
PENDING = {"new": Vocabulary("en-AU", "PENDING")}
KIWI = {"kiwi": Vocabulary("en-NZ")}


@dataclass
class Heard:
    """A node, and what Transcribe was asked for."""

    node: Node

    async def call(
        self, *, language: str | None = None, redacts: bool = False, vocabulary: str | None = None
    ) -> Line:
        """A call with these settings of its number."""
        ticket = sign_stream(SECRET, org="a", call=SID, direction="inbound", language=language, redacts=redacts)
        parameters = {"ticket": ticket}
        if vocabulary is not None:
            parameters["vocabulary"] = sign_vocabulary(SECRET, call=SID, name=vocabulary)
        line = await self.node.dial(SID, parameters)
        await line.send(CONNECTED, line.writer.start())
        return line

    def asked(self) -> list[tuple[str, str | None, bool]]:
        requests = [opening.request for opening in self.node.vendor.log]
        return [(request.language, request.vocabulary, request.redacts) for request in requests]


@pytest_asyncio.fixture
async def heard(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Heard]:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor(vocabularies=LEGAL | PENDING | KIWI) as vendor,
        media_node(server, vendor, port=free_port()) as node,
    ):
        await node.connected()
        yield Heard(node)


async def test_a_number_sets_language_and_vocabulary(heard: Heard) -> None:
    screen = await heard.node.screen()
    line = await heard.call(language="en-NZ", vocabulary="kiwi")
    await line.say("kia ora")
    await screen.until(lambda: screen.words(SID) == "kia ora")
    assert heard.asked() == [("en-NZ", "kiwi", False)]
    assert screen.calls()[SID]["language"] == "en-NZ"
    assert screen.calls()[SID]["redacted"] is False


async def test_without_settings_it_is_the_installations_language(heard: Heard) -> None:
    screen = await heard.node.screen()
    line = await heard.call()
    await line.say("hello")
    await screen.until(lambda: screen.words(SID) == "hello")
    assert heard.asked() == [("en-AU", None, False)]


async def test_words_come_without_a_vocabulary_that_transcribe_refuses(heard: Heard) -> None:
    for vocabulary in ("nobody", "new", "kiwi"):
        await _is_heard_without(heard, vocabulary)
    assert heard.asked() == [("en-AU", None, False)] * 3
    assert heard.node.vendor.refused == 3


async def _is_heard_without(heard: Heard, vocabulary: str) -> None:
    screen = await heard.node.screen()
    line = await heard.call(vocabulary=vocabulary)
    await line.say(f"without {vocabulary}")
    await screen.until(lambda: screen.words(SID) == f"without {vocabulary}")
    await line.hang_up()
    await screen.ended(SID)


async def test_a_forged_vocabulary_is_ignored(heard: Heard) -> None:
    screen = await heard.node.screen()
    ticket = sign_stream(SECRET, org="a", call=SID, direction="inbound")
    other = sign_vocabulary(SECRET, call="CA" + "8" * 32, name="legal")
    line = await heard.node.dial(SID, {"ticket": ticket, "vocabulary": other})
    await line.send(CONNECTED, line.writer.start())
    await line.say("hello")
    await screen.until(lambda: screen.words(SID) == "hello")
    assert heard.asked() == [("en-AU", None, False)]


async def test_with_redaction_nothing_is_readable_until_it_is_final(heard: Heard) -> None:
    screen = await heard.node.screen()
    line = await heard.call(redacts=True, vocabulary="legal")
    await line.say("mail jo@example.au or call 0412345678 please")
    await screen.until(lambda: screen.words(SID) == "mail [PII] or call [PII] please")
    shown = [event["utterance"] for event in screen.events if event["type"] == "utterance"]
    partials = [each["text"] for each in shown if not each["final"]]
    assert partials
    assert {sign for text in partials for sign in text} == {"•", " "} or set("".join(partials)) == {"•"}
    assert screen.calls()[SID]["redacted"] is True
    assert heard.asked() == [("en-AU", "legal", True)]


async def test_with_redaction_what_a_call_ends_in_the_middle_of_stays_covered(heard: Heard) -> None:
    screen = await heard.node.screen()
    line = await heard.call(redacts=True)
    await line.say("mail jo@example.au please", pause=False)
    await screen.until(lambda: "utterance" in screen.types())
    heard.node.vendor.mute = True
    heard.node.vendor.drop()
    heard.node.vendor.refuse()
    await line.hang_up()
    await screen.until(lambda: "call.ended" in screen.types())
    assert "example" not in json.dumps(screen.events)


async def test_web_is_told_what_transcribe_knows_of_a_vocabulary(tmp_path: Path) -> None:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        json_services(port=0, access_keys=KEYS, vocabularies=LEGAL) as amazon,
        media_node(server, vendor, transcribe_api_base=amazon.url) as node,
        media_node(server, vendor, transcribe_api_base=amazon.url) as other,
    ):
        await node.connected()
        await other.connected()
        web = await nats.connect(server.url("web"))
        answers: asyncio.Queue[CheckedVocabulary | None] = asyncio.Queue()

        async def take(message: Msg) -> None:
            answers.put_nowait(VOCABULARY_CHECKED.read(message.data))

        await web.subscribe(VOCABULARY_CHECKED.all, cb=take)
        await settled(web)
        for name in ("legal", "nobody"):
            await web.publish(VOCABULARY_WANTED.to(), VOCABULARY_WANTED.write(Wanted(name, "en-AU")))
        async with asyncio.timeout(60):
            known = [await answers.get(), await answers.get()]
        await web.close()
    assert sorted((each.name, each.state) for each in known if each) == [("legal", "ready"), ("nobody", "unknown")]
    assert len(amazon.asked) == 2, "one node answers"
