"""The demo's three domains: their profiles, and how rounds close in them."""

from collections.abc import Sequence

from scarcity.broker.protocol import Broker
from scarcity.demo.panels import load_panel, profile, split
from scarcity.events.codec import encode_json
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.headers import event_headers
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import DOMAINS
from scarcity.events.types import Outgoing

CLIENTS_A_ROUND = 32
ACTIVE_S = 30.0
# A host that was killed in the middle of a round leaves it short; its restart fills it.
DEADLINE_S = 5.0


def round_size(domain: str) -> int:
    """Clients whose insights make a round: CLIENTS_A_ROUND, or all when there are fewer."""
    return min(CLIENTS_A_ROUND, len(split(load_panel(domain)).training))


def demo_profile(domain: str) -> DomainProfile:
    """Profile of a panel; privacy `open`, since the data are public."""
    size = round_size(domain)
    policy = RoundPolicy(
        mode="async",
        buffer=size,
        min_clients=size // 2,
        deadline_s=DEADLINE_S,
        active_s=ACTIVE_S,
    )
    return profile(load_panel(domain), policy=policy)


async def publish_profiles(broker: Broker, profiles: Sequence[DomainProfile], at_ms: int) -> None:
    """Declare the domains, as `scarcity domain apply` does."""
    await broker.publish(
        *(
            Outgoing(
                DOMAINS,
                declared.domain.encode(),
                encode_json(declared),
                event_headers(
                    "DomainProfile",
                    source="/operator",
                    event_id=f"{declared.domain}-{at_ms}",
                    at_ms=at_ms,
                ),
            )
            for declared in profiles
        )
    )
