"""What happens to a room: commands of members, what Twilio tells or answers, and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from web.conferences.machine.room import Announced, Reason, SupervisorMode, Target, TransferKind

# -- members --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """The member answers: a waiting customer, a transfer or an invitation. Whether they were rung is no matter."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Release:
    """The member has claimed, but cannot join."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Hold:
    member: UUID


@dataclass(frozen=True, slots=True)
class Resume:
    member: UUID


@dataclass(frozen=True, slots=True)
class Mute:
    """The member's own microphone, at Twilio."""

    member: UUID
    on: bool = True


@dataclass(frozen=True, slots=True)
class Leave:
    """The member goes, the others stay. Refused for the last one: that would be hanging up."""

    member: UUID


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call for everybody."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Rejoin:
    """The member's page was loaded again, or their line broke."""

    member: UUID


@dataclass(frozen=True, slots=True)
class BeginTransfer:
    """Transfer to ``target``, or with ``add`` invite them. ``seconds``: for how long it rings."""

    member: UUID
    kind: TransferKind
    target: Target
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class BringIn:
    """Let the customer hear the consultation: three-way."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Complete:
    """Leave the customer to whom they were transferred to."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a transfer or an invitation, and return to the customer."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove another party from the room."""

    member: UUID
    label: str


@dataclass(frozen=True, slots=True)
class AskForHelp:
    member: UUID


@dataclass(frozen=True, slots=True)
class AcknowledgeHelp:
    """A supervisor has seen it. They need not be in the room."""

    member: UUID


@dataclass(frozen=True, slots=True)
class Supervise:
    """A supervisor comes, or is to be heard by others than before. ``announced``: how the others learn of it."""

    member: UUID
    mode: SupervisorMode
    announced: Announced = ""


@dataclass(frozen=True, slots=True)
class StopSupervising:
    member: UUID


@dataclass(frozen=True, slots=True)
class EndForAll:
    """A supervisor ends the call. They need not be in it."""

    member: UUID


# -- ringing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendElsewhere:
    """Nobody comes for the customer: send them to the overflow number or an announcement."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class NobodyTook:
    """Of those who were rung for a transfer or an invitation, nobody will come."""

    code: Literal["declined", "no_answer", "nobody_available"]


# -- Twilio ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A conference's event about a participant, after which ``held`` and ``muted`` are true. In any order."""

    what: Literal["join", "leave", "change"]
    conference: str
    sequence: int
    call_sid: str
    label: str
    held: bool
    muted: bool
    coaching: bool = False
    """Whether only one participant hears them; the event does not say which."""
    call_over: bool = False
    """With ``leave``: whether the call has ended, too."""
    conference_over: bool = False
    """With ``leave``: whether they left because the conference has ended."""


@dataclass(frozen=True, slots=True)
class ConferenceEnded:
    conference: str


@dataclass(frozen=True, slots=True)
class Arriving:
    """Twilio has asked for the document that leads a leg into the room."""

    label: str
    call_sid: str


@dataclass(frozen=True, slots=True)
class InRoom:
    """Twilio has asked what a waiting participant hears: they are in the conference, whatever callbacks got lost."""

    call_sid: str
    conference: str = ""
    """Empty if the request does not name it."""


@dataclass(frozen=True, slots=True)
class DroppedOut:
    """The customer's `<Dial>` has ended, but not their call."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class Parted:
    """The `<Dial>` of anybody else who was in the room has ended, but not their call, which ends now."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class CallStatus:
    """The status of a leg's call, in Twilio's words."""

    label: str
    call_sid: str
    status: str


@dataclass(frozen=True, slots=True)
class TrueLeg:
    """A participant as Twilio shows it."""

    label: str
    call_sid: str
    held: bool
    muted: bool
    coach: str = ""
    """CallSid of the only one who hears it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What Twilio answered when it was asked. ``heard`` is that of the room then; a later event makes it outdated."""

    heard: int
    conference: str
    """SID of the conference in progress, empty if there is none."""
    parties: tuple[TrueLeg, ...]
    customer_status: str
    """CallStatus of the customer's call; empty if Twilio was not asked or does not know it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Twilio has done what action ``key`` asked; its answer shows the participant like that."""

    key: str
    call_sid: str
    held: bool | None = None
    muted: bool | None = None
    bound: bool | None = None
    coach: str | None = None
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """Twilio has taken our order to call a leg, or had taken it before."""

    key: str
    label: str
    call_sid: str


@dataclass(frozen=True, slots=True)
class Done:
    """Twilio has done what action ``key`` asked; what follows from it, its events will say."""

    key: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A request to Twilio failed; it is repeated. ``contradicts``: Twilio knows no such participant or call."""

    key: str
    why: str
    contradicts: bool = False


# -- time -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing has happened; time has passed."""


Event = (
    Claim
    | Release
    | Hold
    | Resume
    | Mute
    | Leave
    | HangUp
    | Rejoin
    | BeginTransfer
    | BringIn
    | Complete
    | Cancel
    | Remove
    | AskForHelp
    | AcknowledgeHelp
    | Supervise
    | StopSupervising
    | EndForAll
    | SendElsewhere
    | NobodyTook
    | Seen
    | ConferenceEnded
    | Arriving
    | InRoom
    | DroppedOut
    | Parted
    | CallStatus
    | Truth
    | Shown
    | Called
    | Done
    | Failed
    | Tick
)
