"""A plan as a record."""

from scarcity.events.codec import encode_json
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.headers import event_headers
from scarcity.events.topics import GOSSIP_PLAN
from scarcity.events.types import Outgoing


def plan_record(plan: GossipPlan, *, at_ms: int) -> Outgoing:
    """To `gossip-plan`."""
    headers = event_headers(
        "GossipPlan",
        source="/services/gossip",
        event_id=f"{plan.domain}-{plan.cycle}-{plan.client_id}",
        at_ms=at_ms,
    )
    return Outgoing(GOSSIP_PLAN, plan.client_id.encode(), encode_json(plan), headers)
