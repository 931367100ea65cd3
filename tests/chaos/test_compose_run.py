"""What the run in containers measures, without containers."""

from chaos.compose_run import longest_pause_s, too_few

from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.events.types import Position


def test_a_pause_counts_up_to_the_end_although_nothing_was_made() -> None:
    assert longest_pause_s([1_000, 4_000], 2_000, 10_000) == 6.0
    assert longest_pause_s([], 2_000, 10_000) == 8.0


def test_insights_may_wait_while_their_domain_lacks_clients_for_a_round() -> None:
    class Entry:
        domain = "shops"
        policy = RoundPolicy(min_clients=3)

    entries: list[LedgerEntry] = [Entry()]  # type: ignore[list-item]  # only these two are read
    left = [Position("insights.shops", 0, offset) for offset in range(3)]
    assert too_few(entries, left[:2]) == left[:2]
    assert too_few(entries, left) == []
