"""Profiles completed from the moments of the first registrations."""

import pytest

from scarcity.events.client_registered import ClientRegistered, Moments
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.meta.scaling import estimate

PROFILE = DomainProfile(
    "retail", "shops", (Column("x"),), Column("y"), "estimated", policy=RoundPolicy(min_clients=2)
)


def registered(client: str, at_ms: int, x: list[float], y: list[float]) -> ClientRegistered:
    def moments(values: list[float]) -> Moments:
        return Moments(len(values), sum(values), sum(v * v for v in values))

    told = {"x": moments(x), "y": moments(y)}
    return ClientRegistered(client, "retail", len(x), at_ms, told)


def test_centre_and_scale_are_those_of_the_pooled_rows() -> None:
    # x over both: 1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9) / 4 = 5. y: 0, 0, 2, 2.
    two = [registered("a", 1, [1, 3], [0, 0]), registered("b", 2, [5, 7], [2, 2])]
    profile = estimate(PROFILE, two)
    assert profile is not None
    assert profile.is_complete
    assert profile.features == (Column("x", 4.0, 5**0.5),)
    assert profile.target == Column("y", 1.0, 1.0)


def test_too_few_registrations_leave_the_profile_open() -> None:
    assert estimate(PROFILE, [registered("a", 1, [1, 3], [0, 2])]) is None


def test_only_the_first_min_clients_count_in_whatever_order_they_were_read() -> None:
    three = [
        registered("late", 9, [100, 300], [5, 9]),
        registered("b", 2, [5, 7], [2, 2]),
        registered("a", 1, [1, 3], [0, 0]),
    ]
    assert estimate(PROFILE, three) == estimate(PROFILE, three[:0:-1])


@pytest.mark.parametrize(
    "moments",
    [
        {},
        {"x": Moments(2, 1.0, 1.0)},
        {"x": Moments(0, 0.0, 0.0), "y": Moments(2, 1.0, 1.0)},
        {"x": Moments(2, float("inf"), 1.0), "y": Moments(2, 1.0, 1.0)},
    ],
)
def test_registrations_without_usable_moments_are_passed_over(moments: dict[str, Moments]) -> None:
    useless = ClientRegistered("z", "retail", 2, 0, moments)
    assert estimate(PROFILE, [useless, registered("a", 1, [1, 3], [0, 2])]) is None


def test_a_constant_column_keeps_its_unit() -> None:
    two = [registered("a", 1, [5, 5], [0, 2]), registered("b", 2, [5, 5], [0, 2])]
    profile = estimate(PROFILE, two)
    assert profile is not None
    assert profile.features == (Column("x", 5.0, 1.0),)


def test_what_the_operator_declared_stays() -> None:
    declared = DomainProfile(
        "retail", "shops", (Column("x", 10.0, 2.0),), Column("y"), "estimated",
        policy=RoundPolicy(min_clients=1),
    )  # fmt: skip
    profile = estimate(declared, [registered("a", 1, [1, 3], [0, 2])])
    assert profile is not None
    assert profile.features == (Column("x", 10.0, 2.0),)
