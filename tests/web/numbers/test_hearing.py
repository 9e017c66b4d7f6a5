"""How calls of a number become words: the form, the page, and what a call's stream is asked with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import nats
import pytest
import pytest_asyncio
from awscrt.auth import AwsCredentialsProvider
from prometheus_client import REGISTRY
from pydantic import SecretStr

from db.engine import Database
from db.queries.audit import TWILIO, AuditFilter, AuditLog, details_of
from db.queries.numbers import Numbers
from db.queries.words.hearings import Hearings, NumberHearing, with_vocabulary
from media.amazon.json_api import JsonApi
from media.amazon.vocabularies import VocabularyChecks
from protocol.messages import ALIVE, Heartbeat, Vocabulary
from protocol.nats import MEDIA, NatsConnection
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.json_api import json_services
from sandbox.transcribe.request import LANGUAGES, Vocabulary as Known
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.bus import BUS
from web.check import checks
from web.config import Settings
from web.numbers import hearing_form, vocabularies
from web.request.callers import shown

Browsers = Callable[[], Browser]
HEARINGS = [
    NumberHearing(),
    NumberHearing(prompt="This call is written down as we speak."),
    NumberHearing("en-NZ", "kiwi"),
    NumberHearing("en-AU", "legal-1.2_b", redacts=True),
]
KNOWN = {"legal": Known("en-AU"), "new": Known("en-AU", "PENDING")}


@pytest.fixture
def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web"))})


@pytest_asyncio.fixture
async def media(nats_server: NatsServer) -> AsyncIterator[None]:
    """What of media answers questions about vocabularies."""
    async with json_services(port=0, access_keys={"AKIATEST": "secret"}, vocabularies=KNOWN) as amazon:
        credentials = AwsCredentialsProvider.new_static("AKIATEST", "secret")
        api = JsonApi(amazon.url, "transcribe", region="ap-southeast-2", credentials=credentials)
        connection = NatsConnection(nats_server.url("media"), "media", MEDIA)
        VocabularyChecks(connection, api)
        async with connection.running():
            assert await connection.is_confirmed_within(30)
            yield


@pytest.mark.parametrize("hearing", HEARINGS)
def test_what_is_set_survives_its_form(hearing: NumberHearing) -> None:
    sent = hearing_form.typed(hearing)
    assert hearing_form.problems(sent) == {}
    assert hearing_form.read(sent) == hearing


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"language": "xx-XX"}, "language"),
        ({"language": "", "vocabulary": "legal"}, "language"),
        ({"language": "en-NZ", "redacts": "yes"}, "language"),
        ({"language": "", "redacts": "yes"}, "language"),
        ({"language": "en-AU", "vocabulary": "two words"}, "vocabulary"),
        ({"language": "en-AU", "vocabulary": "x" * 101}, "vocabulary"),
        ({"language": "en-AU", "vocabulary": "é"}, "vocabulary"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, str], field: str) -> None:
    assert list(hearing_form.problems(hearing_form.typed(NumberHearing()) | changes)) == [field]


def test_every_language_is_one_of_transcribes() -> None:
    assert LANGUAGES.issuperset(hearing_form.LANGUAGES)
    assert hearing_form.LANGUAGES.keys() > hearing_form.REDACTED_LANGUAGES


async def test_saving_for_one_number_or_for_all(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        other = await Numbers(session, cast.a.id).add(e164="+61255501999", twilio_sid=f"PN{'c' * 32}")
    alice = await browser().sign_in(cast.alice)
    path = f"/numbers/{cast.number.id}/words"
    assert (await alice.get(path)).status == 200
    sent = hearing_form.typed(NumberHearing("en-AU", redacts=True))
    assert (await alice.post(path, data=sent)).status == 303
    async with database.begin() as session:
        rows = Hearings(session, cast.a.id)
        assert await rows.of(cast.number.id) == NumberHearing("en-AU", redacts=True)
        assert await rows.of(other.id) == await rows.of(None) == NumberHearing()
        (entry,) = await AuditLog(session, cast.a.id, TWILIO).page(AuditFilter(action="number.words_changed"))
        assert details_of(entry)["leaves_out_personal_details"] == "no → yes"
    assert (await alice.post(path, data=sent | {"redacts": "", "everywhere": "yes"})).status == 303
    async with database.begin() as session:
        assert set((await Hearings(session, cast.a.id).all()).values()) == {NumberHearing("en-AU")}
        assert await with_vocabulary(session) == set()


async def test_a_number_has_a_prompt_of_its_own(browser: Browsers, cast: Cast, database: Database) -> None:
    alice, words = await browser().sign_in(cast.alice), "Our nurses' calls are written down as we speak."
    path = f"/numbers/{cast.number.id}/words"
    assert (await alice.post(path, data=hearing_form.typed(NumberHearing(prompt="Short.")))).status == 400
    assert (await alice.post(path, data=hearing_form.typed(NumberHearing(prompt=words)))).status == 303
    assert (await alice.page(path)).fields["prompt"] == words
    async with database.begin() as session:
        assert (await Hearings(session, cast.a.id).of(cast.number.id)).prompt == words
        (entry,) = await AuditLog(session, cast.a.id, TWILIO).page(AuditFilter(action="number.words_changed"))
        assert list(details_of(entry)) == ["number", "prompt"]


async def test_the_preflight_names_a_number_whose_prompt_does_not_tell(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        silent = NumberHearing(prompt="Welcome to the nurses. Please hold the line.")
        await Hearings(session, cast.a.id).set(cast.number.id, silent)
    alice = await browser().sign_in(cast.alice)
    answered = [json.loads(line) for line in (await (await alice.get("/check/findings")).text()).splitlines()]
    (finding,) = [each for each in answered if each["name"] == "consent prompt"]
    assert finding["fix"]
    assert shown(cast.number.e164) in finding["said"]


async def test_a_wrong_form_changes_nothing_and_only_who_may(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    path = f"/numbers/{cast.number.id}/words"
    answer = await alice.post(path, data=hearing_form.typed(NumberHearing("en-AU", "two words")))
    assert answer.status == 400
    assert 'aria-invalid="true"' in await answer.text()
    assert (await bob.get(path)).status == 403
    for number in (cast.number_b.id, uuid4(), "nonsense"):
        sent = hearing_form.typed(NumberHearing("en-AU"))
        assert (await alice.post(f"/numbers/{number}/words", data=sent)).status == 404
    async with database.begin() as session:
        assert await Hearings(session, cast.a.id).all() == {}


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(("name", "state"), [("legal", "ready"), ("new", "pending"), ("nobody", "unknown")])
async def test_the_vocabulary_is_checked_when_it_is_saved_and_in_the_preflight(
    browser: Browsers, cast: Cast, settings: Settings, name: str, state: str
) -> None:
    alice = await browser().sign_in(cast.alice)
    path = f"/numbers/{cast.number.id}/words"
    assert (await alice.post(path, data=hearing_form.typed(NumberHearing("en-AU", name)))).status == 303
    page = await (await alice.get(f"{path}?saved=yes")).text()
    assert f'data-vocabulary="{state}"' in page
    found = await checks.custom_vocabularies(settings)
    assert found.good is (state == "ready")
    assert (name in found.said) is (state != "ready")


async def _uses(database: Database, cast: Cast, *names: str) -> None:
    """Let A's numbers use these vocabularies."""
    async with database.begin() as session:
        rows, numbers = Hearings(session, cast.a.id), Numbers(session, cast.a.id)
        for place, name in enumerate(names):
            number = await numbers.add(e164=f"+6125550199{place}", twilio_sid=f"PN{place:032x}")
            await rows.set(number.id, NumberHearing("en-AU", name))


@pytest.mark.usefixtures("media")
async def test_as_media_starts_those_in_use_are_checked_and_what_is_not_ready_is_logged_and_counted(
    cast: Cast, database: Database, site: Site, nats_server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await _uses(database, cast, "legal", "new", "nobody")
    client = await nats.connect(nats_server.url("media"))
    await asyncio.wait_for(site.app[BUS].ready.wait(), 60)
    capsys.readouterr()
    await client.publish(ALIVE.to("n1"), ALIVE.write(Heartbeat()))
    said = list[str]()
    async with asyncio.timeout(60):
        while len(said) < 2:
            await asyncio.sleep(0.05)
            said += [line for line in capsys.readouterr().out.splitlines() if "vocabulary not ready" in line]
    assert {name for name in ("legal", "new", "nobody") if f"name={name} " in "".join(said)} == {"new", "nobody"}
    assert REGISTRY.get_sample_value("bilby_web_vocabularies_unusable") == 2
    await client.close()


async def test_without_media_a_vocabulary_counts_as_not_checked(settings: Settings) -> None:
    wanted = Vocabulary("legal", "en-AU")
    url = settings.nats_url.get_secret_value()
    assert await vocabularies.states(url, [wanted], seconds=0.2) == {wanted: "unreachable"}
    assert await vocabularies.states(url, []) == {}
