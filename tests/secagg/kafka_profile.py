"""The domain that the tests over a real broker sum in."""

from tests.client.worlds import profile

from scarcity.events.domain_profile import DomainProfile
from scarcity.events.ledger_entry import RoundPolicy


def summed_profile(domain: str, members: int) -> DomainProfile:
    """In mode `secagg`; a call ends when so many clients are there, however slow the machine is."""
    policy = RoundPolicy(min_clients=members, quorum=1.0, deadline_s=12.0, active_s=1.0)
    return profile(domain, privacy="secagg", policy=policy)
