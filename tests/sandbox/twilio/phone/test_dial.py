"""`<Dial>`: who is rung, who is connected, what is said about it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.twilio.emulator import Behaviour, Twilio
from sandbox.twilio.phone.leg import Leg
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, SECONDS, Customer, codes, tones, town

Town = tuple[Twilio, Customer]
EVENTS = "initiated ringing answered completed"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        both[1].says("/done", "<Hangup/>")
        yield both


def dial(customer: Customer, nouns: str, **attributes: str) -> str:
    """A `<Dial>` that reports to /done."""
    more = " ".join(f"{name}='{value}'" for name, value in attributes.items())
    return f"<Dial action='{customer.url}/done' {more}>{nouns}</Dial>"


def client(customer: Customer, identity: str) -> str:
    """A `<Client>` that reports everything to /leg."""
    callback = f"statusCallback='{customer.url}/leg' statusCallbackEvent='{EVENTS}'"
    return f"<Client {callback}><Identity>{identity}</Identity></Client>"


def child(emulator: Twilio, to: str) -> Leg:
    return next(leg for leg in emulator.exchange.legs.values() if leg.to == to and leg.parent)


async def test_an_agent_answers_and_both_hear_each_other(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", dial(customer, client(customer, "bob"), answerOnBridge="true"))
    caller, agent = tones(2, 2)
    leg = emulator.place_call(from_=MOBILE, caller_audio=caller, agent_audio=agent)
    await customer.until_asked("/leg", CallStatus="in-progress")
    bob = child(emulator, "client:bob")
    async with asyncio.timeout(30):
        while leg.hears is None or bob.hears is None:  # noqa: ASYNC110 (they are connected after they are told of)
            await asyncio.sleep(0.01)
    assert (leg.hears, bob.hears) == (bob.voice, leg.voice)
    assert leg.voice.begins == bob.voice.begins
    done = await customer.until_asked("/done")
    assert done["DialCallStatus"] == "completed"
    assert (done["DialCallSid"], done["DialBridged"]) == (bob.sid, "true")
    assert int(done["DialCallDuration"]) >= 2
    assert done["CallStatus"] == "completed"  # the caller hung up first, and is told of all the same


async def test_a_legs_callbacks_tell_its_story(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", dial(customer, client(customer, "bob")))
    leg = emulator.place_call(from_=MOBILE, caller_audio=next(iter(tones(1))))
    await customer.until_asked("/leg", CallStatus="completed")
    forms = customer.of("/leg")
    assert [form["CallStatus"] for form in forms] == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2", "3"]
    assert {(form["From"], form["To"], form["Direction"], form["ParentCallSid"]) for form in forms} == {
        (MOBILE, "client:bob", "outbound-dial", leg.sid)
    }
    assert "CallDuration" not in forms[2]
    assert int(forms[3]["CallDuration"]) >= 1
    assert forms[3]["SipResponseCode"] == "200"


async def test_answer_on_bridge_keeps_the_caller_ringing(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour("never")
    customer.says("/voice", dial(customer, client(customer, "bob"), answerOnBridge="true", timeout="2"))
    leg = emulator.place_call()
    await customer.until_asked("/leg", CallStatus="ringing")
    assert leg.status == "ringing"
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["CallStatus"], done["DialBridged"]) == ("no-answer", "ringing", "false")
    assert (await customer.until_asked("/leg", CallStatus="no-answer"))["CallDuration"] == "0"


@pytest.mark.parametrize(("does", "status"), [("busy", "busy"), ("fails", "failed")])
async def test_a_callee_who_can_not_be_had(place: Town, does: str, status: str) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour(does)  # type: ignore[arg-type]
    customer.says("/voice", dial(customer, client(customer, "bob")))
    leg = emulator.place_call()
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], leg.answered) == (status, True)
    assert await customer.until_asked("/leg", CallStatus=status)


async def test_the_first_to_answer_wins_and_the_others_are_cancelled(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.behaviours |= {
        "client:bob": Behaviour(after=30),
        "client:dana": Behaviour(after=0.5),
        "client:eve": Behaviour("busy", after=0.1),
    }
    customer.says("/voice", dial(customer, "".join(client(customer, who) for who in ("bob", "dana", "eve"))))
    emulator.place_call(caller_audio=next(iter(tones(1))))
    done = await customer.until_asked("/done")
    assert done["DialCallSid"] == child(emulator, "client:dana").sid
    assert await customer.until_asked("/leg", To="client:bob", CallStatus="canceled")
    assert await customer.until_asked("/leg", To="client:eve", CallStatus="busy")
    assert await customer.until_asked("/leg", To="client:dana", CallStatus="completed")


async def test_one_after_the_other_if_asked(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour("busy")
    nouns = client(customer, "bob") + client(customer, "dana")
    customer.says("/voice", dial(customer, nouns, sequential="true"))
    emulator.place_call(caller_audio=next(iter(tones(1))))
    assert (await customer.until_asked("/done"))["DialCallStatus"] == "completed"
    called = [form["To"] for form in customer.of("/leg") if form["CallStatus"] == "initiated"]
    assert called == ["client:bob", "client:dana"]


async def test_a_caller_who_gives_up_cancels_the_ringing(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour("never")
    customer.says("/voice", dial(customer, client(customer, "bob")))
    emulator.place_call(hang_up_after=2)
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["CallStatus"]) == ("canceled", "completed")
    assert await customer.until_asked("/leg", CallStatus="canceled")


async def test_a_dial_without_action_goes_on_with_the_document(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour("busy")
    customer.says("/voice", f"<Dial><Client>bob</Client></Dial><Redirect>{customer.url}/after</Redirect>")
    emulator.place_call()
    assert await customer.until_asked("/after")


async def test_the_time_limit_ends_the_conversation(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", dial(customer, client(customer, "bob"), timeLimit="2"))
    emulator.place_call(caller_audio=b"")
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["CallStatus"]) == ("completed", "in-progress")


async def test_a_callee_hears_the_whisper_before_the_bridge(place: Town) -> None:
    emulator, customer = place
    customer.says("/whisper", "<Say>A caller wants to talk to you</Say>")
    noun = f"<Number url='{customer.url}/whisper'>{MOBILE}</Number>"
    customer.says("/voice", dial(customer, noun, callerId=NUMBER, answerOnBridge="true"))
    leg, answered = emulator.place_call(), asyncio.Event()
    leg.watchers.append(lambda *_: answered.set())
    whisper = await customer.until_asked("/whisper")
    assert (whisper["To"], whisper["ParentCallSid"], whisper["CallStatus"]) == (MOBILE, leg.sid, "in-progress")
    assert whisper["From"] == NUMBER
    assert not leg.answered
    async with asyncio.timeout(SECONDS):
        await answered.wait()
    assert (leg.status, leg.hears) == ("in-progress", child(emulator, MOBILE).voice)


async def test_a_whisper_that_hangs_up_connects_nobody(place: Town) -> None:
    emulator, customer = place
    customer.says("/whisper", "<Hangup/>")
    customer.says("/voice", dial(customer, f"<Number url='{customer.url}/whisper'>{MOBILE}</Number>"))
    emulator.place_call()
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["DialBridged"]) == ("no-answer", "false")


async def test_a_foreign_caller_id_is_refused(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", dial(customer, f"<Number>{MOBILE}</Number>", callerId="+61299998888"))
    emulator.place_call()
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["ErrorCode"]) == ("failed", "13214")
    assert "DialCallSid" not in done
    assert codes(emulator) == [13214]


async def test_who_withholds_their_number_has_none_to_dial_with(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", dial(customer, f"<Number>{MOBILE}</Number>"))
    emulator.place_call(from_="anonymous")
    assert (await customer.until_asked("/done"))["ErrorCode"] == "13214"
    customer.says("/voice", dial(customer, f"<Number>{MOBILE}</Number>", callerId=NUMBER))
    emulator.place_call(from_="anonymous", caller_audio=next(iter(tones(1))))
    done = await customer.until_asked("/done", DialCallStatus="completed")
    assert "ErrorCode" not in done
