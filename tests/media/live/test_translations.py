"""Who gets which translations, and that they go with a call's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from media.live.hub import Hub
from media.live.transcript import CallAssigned, CallEnded, CallStarted, CallView, Utterance, Uttered
from media.live.translations import LATEST, MOST_CALLS, TranslationError, Translations, language_code
from protocol.tickets import Role


@dataclass(eq=False)
class Reader:
    """A console."""

    member: str
    role: Role = "supervisor"
    org: str = "o"
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, event: bytes) -> None:
        self.events.append(msgspec.json.decode(event))

    def close_revoked(self) -> None:
        raise AssertionError("not here")

    def translated(self) -> list[tuple[str, str]]:
        return [(event["to"], event["text"]) for event in self.events if event["type"] == "translation"]

    def problems(self) -> list[str]:
        return [event["problem"] for event in self.events if event["type"] == "translation.failed"]


@dataclass
class Scene:
    hub: Hub
    translations: Translations
    asked: list[tuple[str, str, str]]

    def reader(self, member: str = "sam", role: Role = "supervisor", org: str = "o") -> Reader:
        reader = Reader(member, role, org)
        self.hub.watch(reader)
        return reader

    def start(self, call: str = "CA1", agent: str | None = None, language: str = "en-AU") -> None:
        view = CallView(call, "inbound", agent, "2026-01-01T00:00:00.000Z", "transcribing", [], [], language=language)
        self.hub.publish("o", CallStarted(view))

    def say(self, text: str, call: str = "CA1", *, final: bool = True) -> None:
        self.hub.publish("o", Uttered(call, Utterance(text, "caller", text, final, len(text), len(text) + 1, 0)))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    async with asyncio.TaskGroup() as tasks:
        hub, asked = Hub(), list[tuple[str, str, str]]()

        async def translate(text: str, source: str, target: str) -> str:
            asked.append((text, source, target))
            if target == "xx":
                raise TranslationError("busy")
            await asyncio.sleep(0)
            return f"{target}:{text}"

        made = Scene(hub, Translations(hub, translate, tasks), asked)
        made.start()
        yield made


async def test_only_who_asked_gets_finals_and_each_is_translated_once(scene: Scene) -> None:
    sam, kim, lee = scene.reader("sam"), scene.reader("kim"), scene.reader("lee")
    scene.say("before")
    scene.translations.want(sam, "CA1", "vi")
    scene.translations.want(kim, "CA1", "vi")
    scene.say("half", final=False)
    scene.say("after that")
    await settled()
    assert sam.translated() == kim.translated() == [("vi", "vi:before"), ("vi", "vi:after that")]
    assert lee.translated() == []
    assert scene.asked == [("before", "en", "vi"), ("after that", "en", "vi")]
    scene.translations.want(lee, "CA1", "vi")
    assert lee.translated() == sam.translated()
    assert len(scene.asked) == 2
    scene.translations.want(sam, "CA1", None)
    scene.say("and more")
    await settled()
    assert (len(sam.translated()), len(kim.translated())) == (2, 3)


async def test_the_latest_utterances_are_translated_for_who_comes_late(scene: Scene) -> None:
    sam = scene.reader()
    for number in range(LATEST + 5):
        scene.say("x" * (number + 1))
    scene.translations.want(sam, "CA1", "el")
    await settled()
    assert [len(text) for _, text in sam.translated()] == [3 + number + 1 for number in range(5, LATEST + 5)]


async def test_nobody_gets_calls_that_they_may_not_see(scene: Scene) -> None:
    bob, stranger = scene.reader("bob", "agent"), scene.reader("eve", org="other")
    for reader in (bob, stranger):
        scene.translations.want(reader, "CA1", "vi")
    scene.hub.publish("o", CallAssigned("CA1", "bob"))
    scene.translations.want(bob, "CA1", "vi")
    scene.say("for bob")
    await settled()
    assert bob.translated() == [("vi", "vi:for bob")]
    scene.hub.publish("o", CallAssigned("CA1", "dana"))
    scene.say("for dana")
    await settled()
    assert len(bob.translated()) == 1
    assert stranger.events == []


async def test_translations_go_with_the_words(scene: Scene) -> None:
    sam = scene.reader()
    scene.translations.want(sam, "CA1", "vi")
    scene.say("translated in vain")
    scene.hub.stop_words("o", "CA1")
    await settled()
    assert sam.translated() == []
    live = scene.hub.find("o", "CA1")
    assert live is not None
    assert live.translations == {}
    scene.start("CA2")
    scene.translations.want(sam, "CA2", "vi")
    scene.say("over", "CA2")
    scene.hub.publish("o", CallEnded("CA2", "completed"))
    await settled()
    assert sam.translated() == []


async def test_problems_are_told_and_tried_again_with_the_next(scene: Scene) -> None:
    sam = scene.reader()
    scene.translations.want(sam, "CA1", "xx")
    scene.say("one")
    await settled()
    scene.say("two")
    await settled()
    assert sam.problems() == ["busy", "busy"]
    scene.start("CA2", language="vi-VN")
    scene.translations.want(sam, "CA2", "vi")
    scene.say("xin", "CA2")
    await settled()
    assert sam.problems()[-1] == "language"


async def test_a_reader_has_so_many_at_a_time_and_none_when_gone(scene: Scene) -> None:
    sam = scene.reader()
    for number in range(MOST_CALLS + 1):
        scene.start(f"CB{number}")
        scene.translations.want(sam, f"CB{number}", "vi")
    scene.say("first", "CB0")
    scene.say("last", f"CB{MOST_CALLS}")
    await settled()
    assert sam.translated() == [("vi", "vi:last")]
    scene.translations.forget(sam)
    scene.say("gone", "CB3")
    await settled()
    assert len(scene.asked) == 1


async def test_an_installation_without_translation_says_so() -> None:
    async with asyncio.TaskGroup() as tasks:
        hub = Hub()
        scene = Scene(hub, Translations(hub, None, tasks), [])
        scene.start()
        sam = scene.reader()
        scene.translations.want(sam, "CA1", "vi")
        assert sam.problems() == ["off"]


@pytest.mark.parametrize(
    ("language", "code"), [("en-AU", "en"), ("zh-CN", "zh"), ("zh-HK", "zh-TW"), ("fr-CA", "fr-CA"), ("es-US", "es")]
)
def test_codes_of_languages(language: str, code: str) -> None:
    assert language_code(language) == code
