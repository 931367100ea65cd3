"""Checkpoints: their records, their hash, and what the hash is over."""

import msgspec
from tests.meta.feeding import entries, folded, insight, outgoing, profile, started, tell

from scarcity.events.checkpoint import Checkpoint, states_hash
from scarcity.events.codec import decode_msgpack
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import CHECKPOINTS
from scarcity.meta.publishing import Publication

ONE = RoundPolicy(min_clients=1, quorum=1.0)


def published(rounds: int) -> list[Publication]:
    """A domain whose client reports every round; a checkpoint is due every third entry."""
    meta, made = started(profile("retail", policy=ONE))
    for n in range(rounds):
        tell(meta, folded(insight("retail", "a", n, n), offset=n))
        made += meta.advance(n)
    return made


def test_every_third_entry_comes_with_the_states_that_it_hashes() -> None:
    made = published(7)
    marked = [e.version for e in entries(made) if e.checkpoint]
    assert marked == [2, 5]
    for publication in made:
        if publication.entry is None or not publication.entry.checkpoint:
            continue
        records = outgoing([publication], CHECKPOINTS)
        parts = [decode_msgpack(r.value, Checkpoint) for r in records]
        assert [r.key for r in records] == [
            f"{publication.entry.version + 1}/{key}".encode() for key in ("retail", "*shops")
        ]
        assert {part.count for part in parts} == {2}
        assert states_hash(part.state for part in parts) == publication.entry.checkpoint


def test_a_hash_is_over_what_a_replay_makes_and_not_over_what_the_writer_knows() -> None:
    (first, _) = outgoing(published(3), CHECKPOINTS)
    state = decode_msgpack(first.value, Checkpoint).state
    told = states_hash([state])
    alike = msgspec.structs.replace(state, used={0: 1}, ledger_hash="x", departed=["a"])
    assert states_hash([alike]) == told
    for changes in (
        {"version": 9},
        {"family": "wards"},
        {"evidence": {"a": 1.0}},
        {"scalars": state.scalars | {"power1": 0.5}},
        {"tensors": {name: t for name, t in state.tensors.items() if name != "z"}},
    ):
        assert states_hash([msgspec.structs.replace(state, **changes)]) != told


def test_a_secret_of_the_writer_is_in_no_checkpoint() -> None:
    for record in outgoing(published(3), CHECKPOINTS):
        state = decode_msgpack(record.value, Checkpoint).state
        assert (state.noise_key, state.dp, state.marks, state.used) == (b"", None, [], {})
