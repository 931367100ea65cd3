"""A seed fixes the plan of a run, and a full run is as hard as it claims."""

from collections import Counter

from chaos.faults import FULL, Fault, FaultKind, draw_plan

PROCESSES = {
    "memory": ["memory-1", "memory-2", "memory-3"],
    "meta": ["meta-1", "meta-2"],
    "gossip": ["gossip-1"],
    "clients": ["clients-a-0", "clients-b-0"],
    "monitor": ["monitor-1"],
}


def plan(seed: int) -> list[Fault]:
    return draw_plan(seed, FULL, PROCESSES, seconds=150.0, stay_s=15.0)


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert plan(1) == plan(1)
    assert plan(1) != plan(2)


def test_a_full_run_holds_every_kind_of_fault_and_thirty_kills() -> None:
    kinds = Counter(fault.kind for fault in plan(3))
    assert set(kinds) == set(FaultKind)
    assert kinds[FaultKind.KILL] >= 30
    killed = {f.victim for f in plan(3) if f.kind is FaultKind.KILL}
    assert killed == {name for names in PROCESSES.values() for name in names}


def test_who_joins_leaves_again_and_all_is_in_order() -> None:
    faults = plan(4)
    assert [f.at_s for f in faults] == sorted(f.at_s for f in faults)
    joined = [f.victim for f in faults if f.kind is FaultKind.JOIN]
    assert joined
    assert sorted(joined) == sorted(f.victim for f in faults if f.kind is FaultKind.LEAVE)
