"""Rulings in the coordinator: whose they are, when they count, and that a restart forgets none."""

import msgspec
import pytest
from tests.meta.feeding import (
    OPERATOR,
    client_record,
    coordinator,
    entries,
    folded,
    insight,
    latest_states,
    outgoing,
    parameters,
    profile,
    profile_record,
    started,
    tell,
)

from scarcity.events.checkpoint import Checkpoint
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.meta_state import MetaState
from scarcity.events.ruling import Ruling
from scarcity.events.tensor import TensorPayload
from scarcity.events.topics import CHECKPOINTS, RULINGS
from scarcity.events.types import Position, Record
from scarcity.keys.signed_events import judge_event, sign_event
from scarcity.keys.signing import SigningKey, TrustedKeys, Verdict
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.publishing import Publication

TWO = RoundPolicy(min_clients=2, quorum=1.0)


def ruled(
    ruling: Ruling, offset: int = 0, *, key: SigningKey = OPERATOR, at_ms: int | None = None
) -> Record:
    """A record of `rulings`."""
    value = encode_msgpack(sign_event(ruling, key))
    time = ruling.ruled_at_ms if at_ms is None else at_ms
    return Record(Position(RULINGS, 0, offset), b"*", value, time)


def mark(*clients: str, at_ms: int = 1, kind: str = "quarantine") -> Ruling:
    return Ruling(kind, ("retail",), clients, at_ms)  # type: ignore[arg-type]


def world() -> tuple[MetaCoordinator, list[Publication]]:
    return started(profile("retail", policy=TWO), profile("bakery", policy=TWO))


def report(meta: MetaCoordinator, n: int, *clients: str, domain: str = "retail") -> None:
    tell(
        meta,
        *(
            folded(insight(domain, c, n, n), offset=10 * n + i, at_ms=n)
            for i, c in enumerate(clients)
        ),
    )


def test_a_marked_client_is_not_waited_for_and_not_heard() -> None:
    meta, _ = world()
    report(meta, 0, "a")
    meta.observe(ruled(mark("a")))
    report(meta, 0, "a", "b")
    assert meta.advance(1) == []
    assert meta.waits["retail"].reason == (
        "waits for clients: 1 of at least 2; 1 marked ones do not count"
    )
    report(meta, 0, "c")
    (entry,) = entries(meta.advance(2))
    assert (entry.clients, entry.active_clients) == (2, 2)
    (told,) = entry.marks
    assert (told.client_id, told.by, told.partition, told.offset, told.ruling) == (
        "a",
        "operator",
        0,
        0,
        0,
    )


def test_a_ruling_survives_a_restart_before_and_after_an_entry_tells_it() -> None:
    record = ruled(mark("a"))
    meta, made = world()
    meta.observe(record)
    report(meta, 0, "a", "b", "c")
    made += meta.advance(1)
    # After: it is in meta-state, and the record of the ruling is not heeded a second time.
    again = coordinator()
    again.restore(latest_states(made))
    for one in (profile("retail", policy=TWO), profile("bakery", policy=TWO)):
        again.observe(profile_record(one))
    again.observe(record)
    for each in (meta, again):
        report(each, 1, "a", "b", "c")
    (one,), (other,) = entries(meta.advance(2)), entries(again.advance(2))
    assert one == other
    assert (other.clients, other.marks) == (2, [])


def test_lifting_before_an_entry_told_the_mark_leaves_a_lift_alone() -> None:
    meta, _ = world()
    meta.observe(ruled(mark("a", at_ms=1), 0))
    meta.observe(ruled(mark("a", at_ms=2, kind="readmit"), 1))
    report(meta, 0, "a", "b")
    (entry,) = entries(meta.advance(1))
    assert (entry.clients, entry.marks) == (2, [])
    assert [lift.client_id for lift in entry.lifted] == ["a"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ruled(mark("a"), key=SigningKey(bytes([9] * 32))), Reason.SIGNATURE),
        (Record(Position(RULINGS, 0, 0), b"*", encode_msgpack(mark("a")), 0), Reason.SIGNATURE),
        (ruled(mark()), Reason.MALFORMED),
        (Record(Position(RULINGS, 0, 0), b"*", b"\xff", 0), Reason.MALFORMED),
        (ruled(Ruling("repair", ("retail",), ("a",), 1)), Reason.MALFORMED),
    ],
)
def test_what_is_no_operators_ruling_is_refused_with_its_reason(
    record: Record, reason: Reason
) -> None:
    meta, _ = world()
    with pytest.raises(EventError) as caught:
        meta.observe(record)
    assert caught.value.reason is reason


def test_a_ruling_that_is_repeated_is_refused() -> None:
    meta, _ = world()
    meta.observe(ruled(mark("a", at_ms=5), 0))
    for at_ms in (5, 4):
        with pytest.raises(EventError, match="somebody repeated it"):
            meta.observe(ruled(mark("b", at_ms=at_ms), 1))


def repair(made: list[Publication], *clients: str, at_ms: int = 1) -> Ruling:
    """A repair that gives retail, and its family, the states of the last checkpoint."""
    parts = [decode_msgpack(r.value, Checkpoint) for r in outgoing(made, CHECKPOINTS)]
    states = {part.state.key: part.state for part in parts}
    chain = entries(made)
    return Ruling(
        "repair",
        ("retail",),
        clients,
        at_ms,
        base_length=len(chain),
        base_hash=chain[-1].hash(),
        states=(states["retail"], states["*shops"]),
    )


def at_a_checkpoint() -> tuple[MetaCoordinator, list[Publication]]:
    """Entry 6, retail@4, comes with a checkpoint."""
    meta, made = world()
    for n in range(4):
        report(meta, n, "a", "b", "c")
        made += meta.advance(10 * n)
    assert entries(made)[-1].checkpoint
    return meta, made


def test_a_repair_at_the_ledgers_end_becomes_the_next_version() -> None:
    meta, made = at_a_checkpoint()
    meta.observe(ruled(repair(made, "c"), 7))
    repaired = meta.advance(40)
    (entry,) = entries(repaired)
    assert (entry.domain, entry.version, entry.closed_by, entry.inputs) == (
        "retail",
        5,
        "repair",
        [],
    )
    assert entry.repair is not None
    assert (entry.repair.without, entry.repair.base_length, entry.repair.ruling) == (("c",), 6, 7)
    assert [(m.client_id, m.by) for m in entry.marks] == [("c", "repair")]
    # The states are those of version 4 here, so the parameters are too.
    assert entry.result_hash == entries(made)[-1].result_hash
    (sent,) = parameters(repaired)
    assert sent.version == 5
    assert entry.checkpoint
    # Nothing that the gate could take back: the next round goes on from it.
    report(meta, 5, "a", "b", "c")
    (after,) = entries(meta.advance(50))
    assert (after.version, after.clients) == (6, 2)


def test_a_repair_that_comes_too_late_holds_the_domains_for_the_next_one() -> None:
    meta, made = at_a_checkpoint()
    late = repair(made, "c", at_ms=1_000)
    report(meta, 4, "a", "b", "c")
    made += meta.advance(1_000)
    meta.observe(ruled(late, 0))
    report(meta, 5, "a", "b", "c")
    assert meta.advance(2_000) == []
    assert meta.waits["retail"].reason == "waits for an operator's repair"
    assert meta.wake_at_ms() == 11_000
    # Nobody asked again: after ten seconds the rounds go on.
    assert len(entries(meta.advance(11_000))) == 1


def test_an_old_request_that_somebody_repeats_holds_nothing_up() -> None:
    meta, made = at_a_checkpoint()
    old = repair(made, "c", at_ms=1)
    report(meta, 4, "a", "b", "c")
    made += meta.advance(50_000)
    meta.observe(ruled(old, 3, at_ms=60_000))
    report(meta, 5, "a", "b", "c")
    assert len(entries(meta.advance(60_001))) == 1


def test_a_repair_is_applied_once_however_often_it_is_read() -> None:
    meta, made = at_a_checkpoint()
    record = ruled(repair(made, "c"), 7)
    meta.observe(record)
    made += meta.advance(40)
    again = coordinator()
    again.restore(latest_states(made))
    again.observe(profile_record(profile("retail", policy=TWO)))
    again.observe(record)
    assert again.advance(41) == []
    assert again.waits["retail"].reason.startswith("waits for clients")


def test_a_repair_of_another_version_or_family_is_refused() -> None:
    meta, made = at_a_checkpoint()
    good = repair(made, "c")
    for changes in ({"version": 3}, {"family": "wards"}):
        first = msgspec.structs.replace(good.states[0], **changes)
        second = msgspec.structs.replace(good.states[1], family=first.family)
        scalars = first.scalars | {"version": float(first.version)}
        first = msgspec.structs.replace(first, scalars=scalars)
        with pytest.raises(EventError, match="the repair is of retail@"):
            meta.observe(ruled(msgspec.structs.replace(good, states=(first, second)), 7))
    assert meta.advance(40) == []


def test_a_repair_that_could_not_take_the_states_place_is_refused() -> None:
    """Applied, it would end the writer, and the next one, again and again."""
    meta, made = at_a_checkpoint()
    good = repair(made, "c")
    z = good.states[0].tensors["z"]
    short = TensorPayload((1, 129), "float64", z.data[: 129 * 8])
    nothing = TensorPayload(z.shape, "float64", b"\xff" * len(z.data))
    for wrong, text in ((short, "z of the repair is"), (nothing, "not all numbers")):
        tensors = good.states[0].tensors | {"z": wrong}
        first = msgspec.structs.replace(good.states[0], tensors=tensors)
        with pytest.raises(EventError, match=text):
            meta.observe(ruled(msgspec.structs.replace(good, states=(first, good.states[1])), 7))
    many = tuple(f"client-{n}" for n in range(5_000))
    with pytest.raises(EventError, match="at most 4096"):
        meta.observe(ruled(msgspec.structs.replace(good, clients=many), 7))
    with pytest.raises(EventError, match="at most 4096"):
        meta.observe(ruled(mark(*many), 8))
    assert meta.advance(40) == []


def test_entries_are_signed_by_the_writer() -> None:
    _, made = world()
    for entry in entries(made):
        assert judge_event(entry, TrustedKeys([SigningKey(bytes([1] * 32)).public])) is Verdict.GOOD


def test_a_client_that_left_is_not_heard_after_a_restart_though_compaction_took_its_tombstone() -> (
    None
):
    """Its last insight is still in `global-memory`; that it left is in `meta-state`."""
    meta, made = world()
    report(meta, 0, "a", "b")
    made += meta.advance(1)
    newest = [folded(insight("retail", c, 5, 1), offset=50 + i) for i, c in enumerate("abc")]
    # c lies highest: no later round of the others uses offsets up to it.
    meta.observe(client_record("c", None))
    tell(meta, *newest)
    made += meta.advance(2)
    states = latest_states(made)
    kept: MetaState = next(s for s in states if s.key == "retail")
    assert kept.departed == ["c"]
    again = coordinator()
    again.restore(states)
    again.observe(profile_record(profile("retail", policy=TWO)))
    tell(again, newest[2], folded(insight("retail", "a", 6, 2), offset=60))
    assert again.advance(3) == []
    assert again.waits["retail"].reason == "waits for clients: 1 of at least 2"
