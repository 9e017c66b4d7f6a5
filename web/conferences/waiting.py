"""What a caller hears while nobody has answered yet: pure."""

from __future__ import annotations

from db.queries.phone.ringing_plans import RingingPlan
from web.conferences.documents import Sound

CALL_BACK = "Nobody can take your call right now. Press 1 now, and we will call you back."
WILL_CALL_BACK = "Thank you. We will call you back. Goodbye."


def heard(plan: RingingPlan, position: int) -> tuple[Sound, str]:
    """Return the sound, and what is said before it, to the caller who is at ``position`` (1: next)."""
    if plan.waiting == "ringing":
        return "ringing", ""
    return "music", _place(position) if plan.waiting == "position" else ""


def _place(position: int) -> str:
    if position <= 1:
        return "You are next in line."
    return f"You are number {position} in line."
