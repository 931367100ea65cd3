"""Gossip cycles of own clients: taken up once, ripe when all peers spoke or time is up."""

from scarcity.client.trades import Trades
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights

AB = GossipPlan("a", "d", 3, "exchange", 0, ["b", "c"])


def said(client: str, cycle: int) -> GossipWeights:
    return GossipWeights(client, "d", cycle, 0, b"")


def test_a_cycle_is_taken_up_once() -> None:
    trades = Trades(5.0)
    assert trades.take_up([AB]) == ([AB], [])
    assert trades.take_up([AB]) == ([], [])


def test_a_cycle_done_before_a_restart_is_not_done_again() -> None:
    assert Trades(5.0, {"a": 3}).take_up([AB]) == ([], [])


def test_a_plan_is_ripe_when_every_peer_has_offered_for_its_cycle() -> None:
    trades = Trades(5.0)
    trades.offered([AB], now_s=10.0)
    assert trades.next_s == 15.0
    heard = {"b": said("b", 3), "c": said("c", 2)}
    assert trades.ripe(heard, 10.0) == []
    assert trades.ripe({**heard, "c": said("c", 3)}, 10.0) == [AB]
    assert trades.ripe(heard, 99.0) == []
    assert trades.next_s is None


def test_a_silent_peer_is_not_waited_for_longer_than_the_wait() -> None:
    trades = Trades(5.0)
    trades.offered([AB], now_s=10.0)
    assert trades.ripe({}, 14.9) == []
    assert trades.ripe({}, 15.0) == [AB]


def test_a_reason_to_wait_is_told_once_and_again_after_an_exchange() -> None:
    def waiting(cycle: int) -> GossipPlan:
        return GossipPlan("a", "d", cycle, reason="too few peers")

    trades = Trades(5.0)
    assert trades.take_up([waiting(1)])[1] == [waiting(1)]
    assert trades.take_up([waiting(2)])[1] == []
    trades.take_up([AB])
    assert trades.take_up([waiting(4)])[1] == [waiting(4)]
