"""The peer side of gossip: what is offered, what is mixed in, whom a client stops listening to."""

import numpy as np
import pytest
from tests.client.worlds import clients, profile, rows, version

from scarcity.client.core import ClientGroup
from scarcity.client.gossip_exchange import GossipExchange, open_weights
from scarcity.client.gossip_payload import LED_SCALARS
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipDeviation, GossipWeights
from scarcity.learning.mixing import CLIP_RADIUS
from scarcity.learning.tensors import to_payload


def plans(*names: str, cycle: int = 1) -> list[GossipPlan]:
    return [
        GossipPlan(c, "retail", cycle, "exchange", 0, [p for p in names if p != c]) for c in names
    ]


def traders(count: int, *, privacy: str = "open") -> tuple[ClientGroup, GossipExchange]:
    group = ClientGroup(profile(privacy=privacy), clients(count))
    group.join(5_000, {})
    return group, GossipExchange(group)


def offer(exchange: GossipExchange, *names: str, cycle: int = 1) -> dict[str, GossipWeights]:
    offers = exchange.offer(plans(*names, cycle=cycle), version())
    return {w.client_id: w for w in offers.weights}


def payload(deviation: np.ndarray) -> bytes:
    scales = np.abs(deviation).max(axis=1) / 127
    levels = np.round(deviation / np.maximum(scales, 1e-300)[:, None]).astype(np.int8)
    return encode_msgpack(GossipDeviation(to_payload(levels), to_payload(scales)))


def test_what_is_offered_is_the_prior_near_the_servers_and_not_the_fitted_weights() -> None:
    _, exchange = traders(2)
    offered = offer(exchange, "c0", "c1")
    deviation = open_weights(offered["c0"]).deviation
    # A prior moves by at most STEP * slope_clip and the clip a cycle; weights fitted to
    # y = a - b have norms near sqrt(2) * sqrt(p) = 2.
    assert 0 < np.linalg.norm(deviation, axis=1).max() <= 1.05 * CLIP_RADIUS
    assert offered["c0"].base_version == 0
    assert offered["c0"].sealing == "none"


def test_an_int8_deviation_is_read_back_to_within_a_level() -> None:
    _, exchange = traders(1)
    weights = offer(exchange, "c0")["c0"]
    own = (exchange.prior("c0", version()) - version().z)[:, :64].numpy()
    content = decode_msgpack(weights.payload, GossipDeviation)
    level = np.frombuffer(content.scales.data)[:, None]
    assert (np.abs(open_weights(weights).deviation[:, :64] - own) <= level + 1e-15).all()


def test_two_clients_meet_in_the_middle() -> None:
    _, exchange = traders(2)
    heard = offer(exchange, "c0", "c1")

    def apart() -> float:
        first, second = (exchange.prior(c, version()) for c in ("c0", "c1"))
        return float((first - second).norm())

    before = apart()
    done = exchange.take(plans("c0", "c1"), version(), heard)
    assert [(e.client_id, e.mixed) for e in done] == [("c0", ["c1"]), ("c1", ["c0"])]
    # Each goes half way to what the other offered: they meet, but for the rounding to int8.
    assert apart() < 0.05 * before
    assert exchange.exchanges("c0") == 1


def test_the_offer_of_an_earlier_cycle_or_another_sealing_is_left_alone() -> None:
    _, exchange = traders(2)
    old = offer(exchange, "c0", "c1", cycle=1)
    offer(exchange, "c0", "c1", cycle=2)
    assert exchange.take(plans("c0", "c1", cycle=2), version(), old) == []
    sealed = offer(exchange, "c0", "c1", cycle=3)
    for weights in sealed.values():
        weights.sealing = "x25519"
    assert exchange.take(plans("c0", "c1", cycle=3), version(), sealed) == []


def test_a_payload_that_cannot_be_read_is_as_if_the_peer_were_silent() -> None:
    _, exchange = traders(3)
    heard = offer(exchange, "c0", "c1", "c2")
    heard["c1"].payload = b"\xc1"
    done = exchange.take(plans("c0", "c1", "c2"), version(), heard)
    assert {e.client_id: e.mixed for e in done}["c0"] == ["c2"]


@pytest.mark.parametrize(
    "content",
    [
        GossipDeviation(to_payload(np.zeros((9, 64), np.int8)), to_payload(np.zeros(9))),
        GossipDeviation(to_payload(np.zeros((10, 64))), to_payload(np.zeros(10))),
        GossipDeviation(to_payload(np.ones((10, 64), np.int8)), to_payload(np.full(10, np.inf))),
    ],
)
def test_a_deviation_of_another_shape_or_without_finite_numbers_is_refused(
    content: GossipDeviation,
) -> None:
    with pytest.raises(EventError):
        open_weights(GossipWeights("c1", "retail", 1, 0, encode_msgpack(content)))


def test_a_poisoned_prior_moves_a_client_by_no_more_than_the_clip() -> None:
    _, exchange = traders(2)
    heard = offer(exchange, "c0", "c1")
    before = exchange.prior("c0", version())
    heard["c1"].payload = payload(1e6 * np.random.default_rng(0).normal(size=(10, 64)))
    exchange.take([plans("c0", "c1")[0]], version(), heard)
    moved = (exchange.prior("c0", version()) - before)[:, :64].norm(dim=1)
    # mixed = (own + clip(peer)) / 2, and own is inside the clip too: (.3 + .3) / 2.
    assert float(moved.max()) <= CLIP_RADIUS + 1e-9


def test_a_peer_whose_priors_harm_is_evicted_and_no_longer_mixed_in() -> None:
    _, exchange = traders(2)
    stiff = version()
    stiff.z[:, 64:128] = -8.0  # a narrow prior: what gossip adds can hardly be unlearned
    # y = a - b: columns 1 and 2 are a and b, and the poison points the other way.
    poison = np.zeros((10, 64))
    poison[:, 1], poison[:, 2] = -1e6, 1e6
    mixed = []
    for cycle in range(1, 9):
        heard = offer(exchange, "c0", "c1", cycle=cycle)
        heard["c1"].payload = payload(poison)
        (done,) = exchange.take([plans("c0", "c1", cycle=cycle)[0]], stiff, heard)
        mixed.append(done.mixed)
    assert mixed[0] == ["c1"]  # accepted by default
    assert mixed[-1] == []
    counters = offer(exchange, "c0", cycle=9)["c0"]
    assert counters.evicted == ["c1"]
    assert counters.evictions == 1


def test_a_restart_goes_on_with_its_prior_and_its_counters() -> None:
    _, exchange = traders(2)
    exchange.take(plans("c0", "c1"), version(), offer(exchange, "c0", "c1"))
    last = offer(exchange, "c0", cycle=2)["c0"]
    _, again = traders(2)
    again.restore(last)
    difference = again.prior("c0", version()) - exchange.prior("c0", version())
    assert float(difference.norm()) < 0.05
    assert again.exchanges("c0") == 1


def test_a_newer_version_carries_the_priors_along() -> None:
    _, exchange = traders(1)
    offer(exchange, "c0")
    moved = exchange.prior("c0", version(1, shift=0.5)) - exchange.prior("c0", version())
    assert float((moved - 0.5).abs().max()) < 1e-12


def test_a_prior_counts_against_the_budget_and_is_withheld_beyond_it() -> None:
    group, exchange = traders(1, privacy="budget")
    offers = exchange.offer(plans("c0"), version())
    assert offers.withheld == ["c0"]
    assert offers.weights == []
    # 4000 rows of 3 columns: 3000 numbers may go.
    group = ClientGroup(profile(privacy="budget"), {"big": rows(0, 4000)})
    group.join(5_000, {})
    offers = GossipExchange(group).offer(plans("big"), version())
    assert len(offers.weights) == 1
    assert [r.leased_scalars for r in offers.registrations] == [10 * LED_SCALARS]
    assert group.budgets["big"].spent == 10 * LED_SCALARS
