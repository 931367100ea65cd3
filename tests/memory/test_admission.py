from collections.abc import Callable
from typing import Any, get_args

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory.insights import expert, insight, record, slopes

from scarcity.events.codec import decode_json
from scarcity.events.errors import EventError, InsightError, Reason, SignatureError
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.types import EXPERT_NAMES, SLOPE_SCALE, Record
from scarcity.memory.admission import (
    MAX_INSIGHT_BYTES,
    AdmissionLimits,
    Verdict,
    admit,
    check_experts,
    check_numbers,
    check_slopes,
)
from scarcity.memory.decoding import (
    BoundedExpert,
    BoundedInsight,
    ExactExpert,
    ExactInsight,
    ExpertName,
    decode_bounded,
    decode_insight,
)

LIMITS = AdmissionLimits()


def reason_of(told: Record, last_sequence: int | None = None) -> Reason:
    with pytest.raises(InsightError) as caught:
        admit(told, "retail", last_sequence, LIMITS)
    return caught.value.reason


def with_expert(**fields: Any) -> Record:
    return record(insight(expert_insights={"expert_0": expert(**fields)}))


def test_an_insight_as_a_client_writes_it_is_admitted() -> None:
    told = insight(sequence=3, meta_version=2, created_at=1.7e9)
    told["expert_insights"]["expert_0"] = expert(
        previous_loss=0.6, slopes=slopes(), candidate_losses={"default": 0.4}
    )
    admitted = admit(record(told), "retail", 2, LIMITS)
    assert admitted is not Verdict.DUPLICATE
    assert orjson.loads(msgspec.json.encode(admitted))["expert_insights"]["expert_0"]["loss"] == 0.5


def test_losses_and_counts_alone_are_a_valid_insight() -> None:
    assert admit(with_expert(), "retail", None, LIMITS) is not Verdict.DUPLICATE


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (b"x" * (MAX_INSIGHT_BYTES + 1), Reason.TOO_LARGE),
        (b"not json", Reason.MALFORMED),
        (b"[]", Reason.MALFORMED),
        (b"{}", Reason.MALFORMED),
        (b"[" * 20_000, Reason.MALFORMED),
        (b'{"schema_version": "soon"}', Reason.MALFORMED),
        (b'{"schema_version": "2.0", "anything": 1}', Reason.SCHEMA_VERSION),
        (b'{"avg_loss": NaN}', Reason.NOT_FINITE),
        (b'{"avg_loss": -Infinity}', Reason.NOT_FINITE),
        (b'{"avg_loss": 1e999}', Reason.NOT_FINITE),
    ],
)
def test_bytes_that_are_no_insight_are_refused(value: bytes | None, reason: Reason) -> None:
    assert reason_of(record(value)) is reason


def test_a_field_this_version_does_not_know_is_ignored_but_must_be_utf8() -> None:
    known = orjson.dumps(insight())
    assert admit(record(known[:-1] + b', "mood": "\xc3\xa9"}'), "retail", None, LIMITS)
    assert reason_of(record(known[:-1] + b', "mood": "\xff"}')) is Reason.MALFORMED


def test_a_newer_minor_version_is_admitted_and_a_newer_major_is_not() -> None:
    assert admit(record(insight(schema_version="1.9")), "retail", None, LIMITS)
    assert reason_of(record(insight(schema_version="2.0"))) is Reason.SCHEMA_VERSION


@pytest.mark.parametrize("key", [None, b"", b"shop-2"])
def test_the_key_must_be_the_client(key: bytes | None) -> None:
    assert reason_of(record(insight(), key=key)) is Reason.WRONG_KEY


def test_a_client_without_a_name_or_with_an_endless_one_is_refused() -> None:
    assert reason_of(record(insight(""), key=b"")) is Reason.WRONG_KEY
    assert reason_of(record(insight("x" * 257))) is Reason.WRONG_KEY


def test_the_topic_says_which_domain_it_is() -> None:
    assert reason_of(record(insight(domain="health"))) is Reason.WRONG_DOMAIN


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (with_expert(loss=-0.1), Reason.OUT_OF_BOUNDS),
        (with_expert(loss=1e13), Reason.OUT_OF_BOUNDS),
        (with_expert(samples=-1), Reason.OUT_OF_BOUNDS),
        (with_expert(samples=10**30), Reason.OUT_OF_BOUNDS),
        (with_expert(previous_loss=-1.0), Reason.OUT_OF_BOUNDS),
        (with_expert(candidate_losses={"default": -1.0}), Reason.OUT_OF_BOUNDS),
        (record(insight(total_samples=-4)), Reason.OUT_OF_BOUNDS),
        (record(insight(sequence=-1)), Reason.OUT_OF_BOUNDS),
        (record(insight(created_at=-1.0)), Reason.OUT_OF_BOUNDS),
        (record(insight(epsilon=-1.0)), Reason.OUT_OF_BOUNDS),
        (record(insight(expert_insights={})), Reason.OUT_OF_BOUNDS),
        (record(insight(expert_insights={"expert_10": expert()})), Reason.UNKNOWN_EXPERT),
        (with_expert(slopes=[1] * 8), Reason.BAD_SLOPES),
        (with_expert(slopes=[]), Reason.BAD_SLOPES),
        (with_expert(slopes=slopes(10**400)), Reason.BAD_SLOPES),
    ],
)
def test_values_that_break_a_bound_are_refused(told: Record, reason: Reason) -> None:
    assert reason_of(told) is reason


def test_the_norm_of_the_slopes_is_held_to_the_clip_exactly() -> None:
    """The clip 5 is 5 * 2**24 units; rounding may add 2, so 5 * 2**24 + 2 is the last one in."""
    edge = 5 * SLOPE_SCALE + 2
    assert admit(with_expert(slopes=slopes(edge)), "retail", None, LIMITS)
    assert reason_of(with_expert(slopes=slopes(edge + 1))) is Reason.BAD_SLOPES
    # Each entry is within the clip, their norm of 4 * sqrt(9) = 12 is not.
    assert reason_of(with_expert(slopes=[4 * SLOPE_SCALE] * 9)) is Reason.BAD_SLOPES


def test_a_sequence_that_is_not_newer_is_a_duplicate() -> None:
    for sequence, last in ((4, 4), (3, 4), (0, 4)):
        told = record(insight(sequence=sequence))
        assert admit(told, "retail", last, LIMITS) is Verdict.DUPLICATE
    assert admit(record(insight(sequence=5)), "retail", 4, LIMITS) is not Verdict.DUPLICATE
    assert admit(record(insight()), "retail", None, LIMITS) is not Verdict.DUPLICATE


def test_a_client_that_numbered_its_insights_must_go_on_doing_so() -> None:
    assert reason_of(record(insight()), last_sequence=4) is Reason.OUT_OF_BOUNDS


def test_the_first_rule_broken_names_the_reason() -> None:
    """Rules from the last to the first; each is added to those below it and takes over."""
    told = insight(sequence=9, expert_insights={"expert_0": expert(slopes=[1])})
    steps: list[tuple[Callable[[], None], Reason | Verdict]] = [
        (lambda: None, Reason.BAD_SLOPES),
        (lambda: told["expert_insights"].update(other=expert()), Reason.UNKNOWN_EXPERT),
        (lambda: told.update(total_samples=-1), Reason.OUT_OF_BOUNDS),
        (lambda: told.update(sequence=2), Verdict.DUPLICATE),
        (lambda: told.update(domain="health"), Reason.WRONG_DOMAIN),
        (lambda: told.update(schema_version="2.0"), Reason.SCHEMA_VERSION),
        (lambda: told.update(avg_loss="high"), Reason.SCHEMA_VERSION),
        (lambda: told.update(schema_version="1.0"), Reason.MALFORMED),
    ]
    for break_rule, expected in steps:
        break_rule()
        if expected is Verdict.DUPLICATE:
            assert admit(record(told), "retail", 5, LIMITS) is Verdict.DUPLICATE
        else:
            assert reason_of(record(told), last_sequence=5) is expected


def test_the_authority_is_asked_before_the_sequence_and_the_values() -> None:
    def refuse(insight: Insight) -> None:
        raise SignatureError(Reason.FORGED, f"{insight.client_id} may not publish")

    with pytest.raises(SignatureError) as caught:
        admit(record(insight(sequence=1, total_samples=-1)), "retail", 5, LIMITS, refuse)
    assert caught.value.reason is Reason.FORGED


@pytest.mark.parametrize(
    "fields", [{"slope_clip": 0.0}, {"slope_clip": float("nan")}, {"max_bytes": 0}]
)
def test_limits_that_admit_nothing_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        AdmissionLimits(**fields)


def test_the_bounded_types_have_the_fields_of_the_plain_ones() -> None:
    assert get_args(ExpertName) == EXPERT_NAMES
    for bounded, plain in (
        (BoundedInsight, Insight),
        (BoundedExpert, ExpertInsight),
        (ExactInsight, Insight),
        (ExactExpert, ExpertInsight),
    ):
        assert bounded.__struct_fields__ == plain.__struct_fields__
        assert bounded.__struct_defaults__ == plain.__struct_defaults__


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e12, 1.0000001e12, 2**53, 2**53 + 1]),
)


@given(
    where=st.sampled_from(
        [
            "loss",
            "samples",
            "previous_loss",
            "avg_loss",
            "total_samples",
            "sequence",
            "created_at",
            "epsilon",
        ]
    ),
    number=NUMBERS,
    name=st.sampled_from(["expert_0", "expert_9", "expert_10", "Expert_0", ""]),
    reported=st.none() | st.lists(st.integers(-(2**63), 2**63), min_size=8, max_size=10),
)
def test_the_bounded_pass_admits_exactly_what_the_plain_rules_admit(
    where: str, number: float, name: str, reported: list[int] | None
) -> None:
    inner = {"loss": 0.5, "samples": 4, "slopes": reported}
    told: dict[str, Any] = insight(expert_insights={name: inner})
    (inner if where in ("loss", "samples", "previous_loss") else told)[where] = number
    value = msgspec.json.encode(told)

    assert admitted(value, decode_bounded) == admitted(value, decode_by_the_rules)


@given(
    extra=st.dictionaries(st.sampled_from(["x", "loss", "schema_version"]), NUMBERS | st.text()),
    inner=st.dictionaries(st.sampled_from(["y", "loss", "samples"]), NUMBERS | st.none()),
)
def test_the_exact_pass_says_what_the_slower_one_says(
    extra: dict[str, Any], inner: dict[str, Any]
) -> None:
    experts = {"expert_0": {"loss": 0.5, "samples": 4} | inner}
    told = insight(expert_insights=experts) | extra
    slower = told | {"of a later version": 0}
    assert told_of(msgspec.json.encode(told)) == told_of(msgspec.json.encode(slower))


def told_of(value: bytes) -> Any:
    try:
        found, within_bounds = decode_insight(value, MAX_INSIGHT_BYTES)
    except InsightError as error:
        return error.reason, str(error)
    return msgspec.to_builtins(found), within_bounds


def admitted(value: bytes, decode: Callable[[bytes], Insight | None]) -> Any:
    try:
        if (told := decode(value)) is not None:
            check_slopes(told, clip=5.0)
    except EventError:
        return None
    return msgspec.to_builtins(told)


def decode_by_the_rules(value: bytes) -> Insight:
    told = decode_json(value, Insight)
    check_numbers(told)
    check_experts(told)
    return told
