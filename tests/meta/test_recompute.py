"""From inputs to a version: the part that an audit repeats."""

import hashlib

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.meta.feeding import insight

from scarcity.events.codec import canonical_json, decode_json, encode_json
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import META_COUNT
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import (
    canonical_insight,
    contribution,
    contributions,
    first_version,
    inputs_of,
    next_version,
)


def test_the_inputs_hash_is_the_same_from_the_clients_bytes_and_from_the_memorys_record() -> None:
    sent = insight("retail", "a", 1)
    original = encode_json(sent).replace(b'"client_id"', b' "new_field": [1, 2],\n "client_id"')
    read = decode_json(original, Insight)
    assert read == sent
    kept = decode_json(encode_json(read), Insight)
    hashes = {inputs_of([Heard(0, 7, 0, i)])[1] for i in (sent, read, kept)}
    assert len(hashes) == 1


def test_inputs_are_ordered_by_partition_then_offset_and_hashed_in_that_order() -> None:
    a, b, c = (insight("retail", client, 1) for client in "abc")
    inputs, digest = inputs_of([Heard(1, 0, 0, c), Heard(0, 9, 0, b), Heard(0, 4, 0, a)])
    assert [(i.partition, i.offsets()) for i in inputs] == [(0, [4, 9]), (1, [0])]
    in_order = [Heard(partition, 0, 0, i) for partition, i in enumerate((a, b, c))]
    assert digest == inputs_of(in_order)[1]


def test_no_inputs_hash_as_nothing() -> None:
    assert inputs_of([]) == ([], hashlib.sha256(b"").hexdigest())


def test_a_version_does_not_depend_on_the_order_of_its_insights() -> None:
    engine = OnlineMAMLEngine()
    start = first_version(engine, "retail", "shops", 2, {})
    told = [insight("retail", client, 1) for client in "abcde"]
    one = next_version(engine, "retail", start.domain, start.family, told)
    other = next_version(engine, "retail", start.domain, start.family, told[::-1])
    assert one.result_hash == other.result_hash != start.result_hash


def test_the_result_hash_is_over_z_as_little_endian_float64() -> None:
    start = first_version(OnlineMAMLEngine(), "retail", "shops", 2, {})
    raw = start.domain.z.astype("<f8").tobytes()
    assert len(raw) == 10 * META_COUNT * 8
    assert start.result_hash == hashlib.sha256(raw).hexdigest()


def test_experts_and_losses_that_were_not_reported_are_nan() -> None:
    told = Insight("a", {"expert_2": ExpertInsight(0.5, 3)}, 0.5, 3, "retail", 1, 4)
    seen = contribution(told, version=9)
    assert seen.losses[2] == 0.5
    assert np.isnan(np.delete(seen.losses, 2)).all()
    assert (seen.previous_losses, seen.slopes, seen.candidate_losses) == (None, None, None)
    assert (seen.meta_version, seen.samples) == (4, 3)


def test_candidate_losses_are_turned_from_expert_first_to_candidate_first() -> None:
    experts = {
        "expert_0": ExpertInsight(0.5, 3, candidate_losses={"default": 0.5, "family": 0.25}),
        "expert_1": ExpertInsight(0.5, 3, candidate_losses={"default": 0.75}),
    }
    seen = contribution(Insight("a", experts, 0.5, 3, "retail", 1, 0), version=0)
    assert seen.candidate_losses is not None
    assert seen.candidate_losses["default"][:2].tolist() == [0.5, 0.75]
    assert seen.candidate_losses["family"][0] == 0.25
    assert np.isnan(seen.candidate_losses["family"][1:]).all()


def test_slopes_whose_directions_are_unknown_are_left_out() -> None:
    for sequence, version in ((None, 3), (7, None)):
        told = insight("retail", "a", 1)
        told.sequence, told.meta_version = sequence, version
        assert contribution(told, version=5).slopes is None
    unplaced = insight("retail", "a", 1, version=None)
    assert contribution(unplaced, version=5).meta_version == 5


@given(
    loss=st.floats(0, 1e300),
    previous=st.none() | st.floats(0, 1e6),
    slopes=st.none() | st.lists(st.integers(-(2**44), 2**44), max_size=17),
    tried=st.none() | st.dictionaries(st.text(max_size=5), st.floats(0, 1e6), max_size=3),
    sequence=st.none() | st.integers(0, 2**53),
    schema_version=st.sampled_from(["1.0", "1.7"]),
)
def test_the_fast_canonical_json_is_the_canonical_json(
    loss: float,
    previous: float | None,
    slopes: list[int] | None,
    tried: dict[str, float] | None,
    sequence: int | None,
    schema_version: str,
) -> None:
    experts = {"expert_1": ExpertInsight(loss, 4, previous, slopes, tried)}
    one = Insight("a", experts, loss, 4, "retail", sequence, schema_version=schema_version)
    for told in (one, decode_json(encode_json(one), Insight)):
        assert canonical_insight(told) == canonical_json(told)


def test_many_contributions_are_what_each_is_by_itself() -> None:
    full = insight("retail", "a", 1, 3)
    some = {n: e for n, e in full.expert_insights.items() if n != "expert_4"}
    lossy = {n: ExpertInsight(e.loss, e.samples) for n, e in some.items()}
    longer = {n: msgspec.structs.replace(e, slopes=[*(e.slopes or []), 7]) for n, e in some.items()}
    told = [
        full,
        insight("retail", "b", 2, 0),
        *(
            msgspec.structs.replace(full, expert_insights=experts)
            for experts in (some, lossy, longer)
        ),
        msgspec.structs.replace(full, sequence=None),
    ]
    for one, together in zip(told, contributions(told, 3), strict=True):
        alone = contribution(one, 3)
        assert (together.client_id, together.meta_version) == (alone.client_id, alone.meta_version)
        for name in ("losses", "previous_losses", "slopes"):
            a, b = getattr(together, name), getattr(alone, name)
            assert (a is None) == (b is None), name
            if a is not None:
                assert a.dtype == b.dtype
                assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
