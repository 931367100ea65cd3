"""The check marks those whose slopes contradict their own losses, and nobody else."""

from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.dp_rules import DpRound, DpRules
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.standing import Mark
from scarcity.events.types import EXPERT_COUNT, EXPERT_NAMES, META_COUNT, SLOPE_SCALE
from scarcity.learning.directions import DIRECTION_COUNT, block, hadamard, signs
from scarcity.learning.online_maml import DomainState, OnlineMAMLEngine
from scarcity.meta import quarantine
from scarcity.meta.pending import Heard
from scarcity.meta.quarantine import Watch, watch_round, watched_from

DOMAIN, VERSION = "retail", 3
Array = npt.NDArray[np.float64]


def states() -> tuple[DomainState, DomainState]:
    """Version 3, which lies a random step from version 2, and a version made of it."""
    engine = OnlineMAMLEngine()
    start = engine.start(DOMAIN, engine.start_family(2), {})
    moved = np.random.default_rng(0).normal(scale=0.02, size=start.z.shape)
    before = replace(start, version=VERSION, z=start.z + moved, previous_z=start.z)
    return before, replace(before, version=VERSION + 1, cap=np.full(EXPERT_COUNT, 0.1))


BEFORE, AFTER = states()
assert BEFORE.previous_z is not None
STEP = BEFORE.z - BEFORE.previous_z


def heard(
    client: str, sequence: int, *, turned: float = 1.0, size: float = 1.0, version: int = VERSION
) -> Heard:
    """A client with a gradient of its own whose loss changed by just what it foretells.

    Args:
        turned: -1 turns the slopes round, and leaves the losses as they are.
        size: of the slopes.
    """
    gradient = np.random.default_rng([*client.encode(), sequence]).normal(size=STEP.shape)
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    change = (gradient * STEP).sum(1)
    basis = signs(DOMAIN, version)[:, None] * hadamard() / DIRECTION_COUNT**0.5
    along = (gradient[:, :DIRECTION_COUNT] @ basis)[:, block(client, sequence)]
    slopes = np.concatenate([along, gradient[:, -1:]], axis=1) * turned * size
    fixed = np.rint(slopes * SLOPE_SCALE).astype(int).tolist()
    experts = {
        name: ExpertInsight(1.0 + float(change[e]), 4, previous_loss=1.0, slopes=fixed[e])
        for e, name in enumerate(EXPERT_NAMES)
    }
    told = Insight(client, experts, 1.0, 4, DOMAIN, sequence, version)
    return Heard(0, sequence, 0, told)


def after_rounds(
    rounds: int, *clients: str, turned: float = 1.0, threshold: float = 6.0
) -> tuple[Watch, dict[str, int]]:
    """The watch after so many rounds, and the round in which each client was marked."""
    watch, marked = Watch(), {}
    for n in range(rounds):
        told = [heard(c, n, turned=turned) for c in clients if c not in watch.marks]
        watch, marks = watch_round(watch, DOMAIN, BEFORE, AFTER, told, threshold)
        marked |= {mark.client_id: n for mark in marks}
    return watch, marked


def test_whose_slopes_are_turned_round_is_marked_and_its_evidence_let_go() -> None:
    watch, marked = after_rounds(200, "a", "b", turned=-1.0)
    assert set(marked) == {"a", "b"}
    assert watch.evidence == {}
    mark = watch.marks["a"]
    assert (mark.by, mark.partition, mark.offset) == ("check", 0, marked["a"])
    assert mark.evidence >= 6.0
    assert min(marked.values()) >= 6  # an insight adds at most 1


def test_the_honest_are_not_marked_however_much_they_differ_from_each_other() -> None:
    """Gradients drawn apart have no direction in common: there is no consensus to agree with."""
    _, marked = after_rounds(300, "a", "b", "c", "d")
    assert marked == {}


def test_who_hardly_moves_anything_gathers_evidence_slowly() -> None:
    told = [heard("a", n, turned=-1.0) for n in range(40)]
    faint = [heard("a", n, turned=-1.0, size=0.05) for n in range(40)]

    def evidence(insights: list[Heard]) -> float:
        watch = Watch()
        for one in insights:
            watch, _ = watch_round(watch, DOMAIN, BEFORE, AFTER, [one], 1e9)
        return watch.evidence["a"]

    # Nine of 129 entries of a unit gradient have a norm of .26: all of the cap of .1; a twentieth
    # of it uses .13 of the cap.
    assert evidence(faint) == pytest.approx(0.13 * evidence(told), rel=0.15)


@pytest.mark.parametrize(
    "change",
    [
        {"meta_version": VERSION - 1},  # slopes along another version's directions
        {"meta_version": None},
        {"sequence": None},
    ],
)
def test_an_insight_that_cannot_be_checked_says_nothing(change: dict[str, int | None]) -> None:
    one = heard("a", 0, turned=-1.0)
    told = one._replace(insight=msgspec.structs.replace(one.insight, **change))
    watch, marks = watch_round(Watch({"a": 2.0}), DOMAIN, BEFORE, AFTER, [told], 6.0)
    assert (watch.evidence, marks) == ({"a": 2.0}, ())


def test_a_version_that_lies_where_the_one_before_lay_says_nothing() -> None:
    still = replace(BEFORE, previous_z=BEFORE.z)
    watch, _ = watch_round(Watch(), DOMAIN, still, AFTER, [heard("a", 0, turned=-1.0)], 6.0)
    assert watch.evidence == {}


def test_an_expert_that_the_client_does_not_run_is_left_out() -> None:
    one = heard("a", 0, turned=-1.0)
    fewer = {n: e for n, e in one.insight.expert_insights.items() if n != "expert_9"}
    told = one._replace(insight=msgspec.structs.replace(one.insight, expert_insights=fewer))
    watch, _ = watch_round(Watch({"a": 1.0}), DOMAIN, BEFORE, AFTER, [told], 6.0)
    assert np.isfinite(watch.evidence["a"])
    assert watch.evidence["a"] != 1.0


def test_nothing_is_watched_without_a_threshold_or_where_noise_is_added() -> None:
    told = [heard("a", 0, turned=-1.0)]
    assert watch_round(Watch(), DOMAIN, BEFORE, AFTER, told, 0.0) == (Watch(), ())
    policy = RoundPolicy(quarantine=6.0)
    assert watched_from(policy, None) == 6.0
    noise = DpRound(DpRules("local", 1.0, 1.0, 1e-5), 8, 0.0, 1e-5)
    assert watched_from(policy, noise) == 0.0


def test_a_lifted_client_begins_anew() -> None:
    watch = Watch({"b": 1.0}).marking([Mark("a", "check", 0, 1, 6.5)])
    assert set(watch.marks) == {"a"}
    assert watch.lifting(["a"]) == Watch({"b": 1.0})


def test_memory_is_bounded_and_the_least_evidence_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "MOST_WATCHED", 2)
    monkeypatch.setattr(quarantine, "MOST_MARKED", 1)
    some = Watch({"a": 1.0, "b": 3.0, "c": 2.0})
    watch, _ = watch_round(some, DOMAIN, BEFORE, AFTER, [], 6.0)
    assert watch.evidence == {"b": 3.0, "c": 2.0}
    told = [heard(client, 1, turned=-1.0) for client in "abc"]
    watch, marks = watch_round(some, DOMAIN, BEFORE, AFTER, told, 1e-9)
    assert [mark.client_id for mark in marks] == ["b"]
    watch, marks = watch_round(watch, DOMAIN, BEFORE, AFTER, told, 1e-9)
    assert marks == ()


@given(order=st.permutations(range(6)))
def test_the_order_of_a_rounds_insights_does_not_matter(order: list[int]) -> None:
    told = [heard(f"c{n}", n, turned=-1.0 if n % 2 else 1.0) for n in range(6)]
    start = Watch({f"c{n}": 0.5 * n for n in range(6)})
    one = watch_round(start, DOMAIN, BEFORE, AFTER, told, 1.2)
    other = watch_round(start, DOMAIN, BEFORE, AFTER, [told[n] for n in order], 1.2)
    assert one == other


def test_shapes_follow_the_domain() -> None:
    assert STEP.shape == (EXPERT_COUNT, META_COUNT)
