"""A profile that cannot work is refused where it is written."""

from typing import Any

import pytest

from scarcity.events.dead_letter import park
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.dp_rules import DpRules
from scarcity.events.errors import InputError, InsightError, Reason
from scarcity.events.headers import event_headers
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.secure_sum import SumRules
from scarcity.events.topics import check_domain
from scarcity.events.types import Position, Record

X, Y = Column("x", 0.0, 1.0), Column("y", 0.0, 1.0)


def test_a_declared_profile_without_a_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks center or scale"):
        DomainProfile("d", "f", (Column("x"),), Y)


def test_an_estimated_profile_may_wait_for_its_scales() -> None:
    assert not DomainProfile("d", "f", (Column("x"),), Column("y"), "estimated").is_complete


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="names a column twice"):
        DomainProfile("d", "f", (X, X), Y)


def test_a_scale_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Column("x", 0.0, 0.0)


def test_domains_of_a_family_share_the_seed_of_their_feature_maps() -> None:
    assert DomainProfile("a", "f", (X,), Y).map_seed == DomainProfile("b", "f", (X,), Y).map_seed


RULES = DpRules(clients=100)
AT_DEADLINE = RoundPolicy(mode="deadline")


def private(**changes: Any) -> DomainProfile:
    fields = {"privacy": "dp", "dp": RULES, "policy": AT_DEADLINE}
    return DomainProfile("d", "f", (X,), Y, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dp": None}, "goes with privacy dp"),
        ({"privacy": "open"}, "goes with privacy dp"),
        ({"scaling": "estimated"}, "moments are told without noise"),
        ({"slopes": False}, "slopes: true"),
        ({"policy": RoundPolicy()}, "a round's end tells who took part"),
        ({"policy": RoundPolicy(mode="deadline", quarantine=1.0)}, "judges single clients"),
    ],
)
def test_a_profile_that_would_tell_more_than_mode_dp_promises_is_refused(
    changes: dict[str, Any], says: str
) -> None:
    assert private().dp == RULES
    with pytest.raises(ValueError, match=says):
        private(**changes)


def test_local_noise_needs_no_secret_participation() -> None:
    assert private(dp=DpRules(where="local"), policy=RoundPolicy()).policy.mode == "sync"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clients": 0}, "needs the number of clients"),
        ({"noise_multiplier": 0.0}, "promises nothing"),
        ({"delta": 1.0}, "dp.delta"),
        ({"sampling_rate": 0.0}, "dp.sampling_rate"),
        ({"clip": float("nan")}, "dp.clip"),
    ],
)
def test_rules_that_promise_nothing_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DpRules(**{"clients": 100, **changes})


@pytest.mark.parametrize("name", ["", "Retail", "a.b", "-a", "a" * 65, "über"])
def test_a_domain_that_cannot_be_a_topics_suffix_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        check_domain(name)


def test_a_dead_letter_keeps_the_original_and_says_why_and_where() -> None:
    record = Record(Position("insights.a", 2, 7), b"k", b"\xff", 5, (("h", b"1"),))
    letter = park(record, InsightError(Reason.MALFORMED, "no JSON"), stage="memory.admission")
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["h"]) == (b"k", b"\xff", b"1")
    assert headers["dl_reason"] == b"malformed"
    assert [headers[f"dl_{n}"] for n in ("topic", "partition", "offset")] == [
        b"insights.a",
        b"2",
        b"7",
    ]


def test_the_cloudevents_time_is_utc_with_milliseconds() -> None:
    headers = dict(event_headers("Insight", source="/clients/a", event_id="a-1", at_ms=1500))
    assert headers["ce_time"] == b"1970-01-01T00:00:01.500Z"
    assert headers["ce_type"] == b"scarcity.Insight.v1"


def summed(**changes: Any) -> DomainProfile:
    fields = {"privacy": "secagg", "policy": RoundPolicy(min_clients=3)}
    return DomainProfile("d", "f", (X,), Y, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"privacy": "open", "secagg": SumRules()}, "`secagg:` goes with secagg"),
        ({"scaling": "estimated"}, "moments are told by each client"),
        ({"slopes": False}, "slopes: true"),
        ({"policy": RoundPolicy()}, "min_clients: 3 or more"),
        ({"policy": RoundPolicy(min_clients=3, quarantine=1.0)}, "judges single clients"),
    ],
)
def test_a_profile_that_would_tell_of_one_client_is_refused_in_mode_secagg(
    changes: dict[str, Any], says: str
) -> None:
    assert summed().sum_rules == SumRules()
    with pytest.raises(ValueError, match=says):
        summed(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threshold": 0.49}, "secagg.threshold"),
        ({"threshold": 1.0}, "secagg.threshold"),
        ({"most_members": 2}, "secagg.most_members"),
        ({"loss_clip": float("inf")}, "secagg.loss_clip"),
    ],
)
def test_impossible_rules_of_secure_sums_are_refused(changes: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SumRules(**changes)  # type: ignore[arg-type]


def test_a_threshold_is_above_one_half_whatever_the_rules_say() -> None:
    for members in range(3, 200):
        threshold = SumRules(threshold=0.5).threshold_of(members)
        assert members / 2 < threshold <= members


def test_plain_gossip_is_for_public_data_alone() -> None:
    columns = (Column("a", 0.0, 1.0),), Column("y", 0.0, 1.0)
    assert DomainProfile("d", "d", *columns).gossip_encryption == "sealed"
    DomainProfile("d", "d", *columns, privacy="open", gossip_encryption="plain")
    with pytest.raises(ValueError, match="goes with privacy open alone"):
        DomainProfile("d", "d", *columns, gossip_encryption="plain")


@pytest.mark.parametrize("privacy", ["budget", "open", "secagg"])
def test_all_slopes_are_told_where_noise_protects_the_rows_alone(privacy: Any) -> None:
    assert private(slopes_per_expert=128).slopes_per_expert == 128
    with pytest.raises(ValueError, match="one of: 2, 4, 8, 16"):
        private(privacy=privacy, dp=None, policy=RoundPolicy(), slopes_per_expert=128)
