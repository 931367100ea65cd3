"""Refusals are all counted, and said once a sender and reason."""

from scarcity.client.refusals import MAX_WAITING, Refusals
from scarcity.events.gossip_weights import Refusal


def test_all_are_counted_and_each_is_said_once() -> None:
    refusals = Refusals()
    for _ in range(3):
        refusals.add("a", Refusal.FORGED, "no")
    refusals.add("a", Refusal.REPLAYED, "old")
    assert refusals.counts == {"forged": 3, "replayed": 1}
    assert [refusal for refusal, _ in refusals.take_news()] == [Refusal.FORGED, Refusal.REPLAYED]
    refusals.add("a", Refusal.FORGED, "no")
    assert refusals.take_news() == []


def test_a_flood_of_names_is_counted_and_not_kept() -> None:
    refusals = Refusals()
    for number in range(10 * MAX_WAITING):
        refusals.add(f"c{number}", Refusal.FORGED, "no")
    assert len(refusals.take_news()) == MAX_WAITING
    assert refusals.counts == {"forged": 10 * MAX_WAITING}
