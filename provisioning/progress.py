"""Publish on NATS how far orders are, and that an organisation's entitlements have changed.

Events are only a trigger: receivers read the database. So nothing waits for NATS, and without it nothing is lost; an
event is dropped if the queue is full.
"""

from __future__ import annotations

from uuid import UUID

from protocol.messages import ENTITLEMENTS, ORDER_STATE, Nothing, OrderState
from protocol.nats import NatsConnection

WAITING_FACTS = 1000


class Progress:
    """Publish events to NATS at ``url``; an empty one publishes nothing. `run` it in its own task."""

    def __init__(self, url: str) -> None:
        self._connection = NatsConnection(url, "provisioning", most_queued=WAITING_FACTS) if url else None

    def tell(self, organisation_id: UUID, order_id: UUID, state: str) -> None:
        """Publish that the order has reached ``state``. Never waits, never raises."""
        body = ORDER_STATE.write(OrderState(str(order_id), state))
        self._publish(ORDER_STATE.to(organisation_id, order_id), body)

    def tell_entitlements(self, organisation_id: UUID) -> None:
        """Publish that the organisation's entitlements changed. Never waits, never raises."""
        self._publish(ENTITLEMENTS.to(organisation_id), ENTITLEMENTS.write(Nothing()))

    def _publish(self, subject: str, body: bytes) -> None:
        if self._connection is not None:
            self._connection.publish_later(subject, body)

    async def run(self) -> None:
        """Publish until cancelled; return at once without an address."""
        if self._connection is not None:
            await self._connection.run()
