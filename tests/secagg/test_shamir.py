"""Shares of secrets: any threshold of them give it back, one fewer tells nothing."""

from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secagg.playing import drawing

from scarcity.secagg.shamir import (
    PRIME,
    ShareError,
    combine,
    draw_number,
    from_bytes,
    secret_bytes,
    split,
    to_bytes,
)


def is_probable_prime(number: int) -> bool:
    """Miller and Rabin with 40 bases."""
    odd, twos = number - 1, 0
    while not odd % 2:
        odd, twos = odd // 2, twos + 1
    for base in range(2, 42):
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def test_the_field_is_one_and_the_smallest_that_holds_all_secrets() -> None:
    assert PRIME > 2**256
    assert is_probable_prime(PRIME)
    assert not any(is_probable_prime(2**256 + k) for k in range(297))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_threshold_of_the_shares_give_the_secret_back(data: st.DataObject) -> None:
    holders = data.draw(st.integers(1, 12))
    threshold = data.draw(st.integers(1, holders))
    secret = data.draw(st.integers(0, 2**256 - 1))
    shares = split(secret, threshold, holders, drawing(data.draw(st.integers())))
    chosen = data.draw(st.permutations(range(1, holders + 1)))[:threshold]
    assert combine({x: shares[x - 1] for x in chosen}, threshold) == secret


def test_fewer_shares_than_the_threshold_are_refused() -> None:
    shares = split(99, 3, 5, drawing())
    with pytest.raises(ShareError, match="2 shares; 3 open a secret"):
        combine({1: shares[0], 4: shares[3]}, 3)


def test_fewer_shares_than_the_threshold_fit_every_secret_equally_often() -> None:
    # Every polynomial of degree 2 over the field of 7: what two holders see is distributed alike,
    # whatever the secret is: each pair of values comes from exactly one polynomial.
    prime, threshold, holders = 7, 3, 5
    for seen in combinations(range(holders), threshold - 1):
        views = []
        for secret in range(prime):
            found: Counter[tuple[int, ...]] = Counter()
            for drawn in product(range(prime), repeat=threshold - 1):
                numbers = iter(drawn)
                shares = split(
                    secret, threshold, holders, lambda n, it=numbers: bytes([next(it) << 5]), prime
                )
                found[tuple(shares[x] for x in seen)] += 1
            views.append(found)
        assert all(view == views[0] for view in views)
        assert set(views[0].values()) == {1}


def test_one_share_short_any_secret_can_be_claimed() -> None:
    shares = split(1234, 4, 6, drawing())
    known = {x: shares[x - 1] for x in (2, 5, 6)}
    for claimed in (0, 1, 1234, 2**256 - 1):
        # The value at a fourth place with which the three shares say ``claimed``.
        fourth = combine_at(3, {0: claimed, **known})
        assert combine({**known, 3: fourth}, 4) == claimed


def combine_at(at: int, points: dict[int, int]) -> int:
    """Value at a place of the polynomial through the points (Lagrange)."""
    total = 0
    for x, y in points.items():
        above, below = 1, 1
        for other in points:
            if other != x:
                above = above * (at - other) % PRIME
                below = below * (x - other) % PRIME
        total += y * above * pow(below, -1, PRIME)
    return total % PRIME


def test_numbers_are_drawn_below_the_prime_by_rejection() -> None:
    drawn = iter([bytes([255]), bytes([0b11100000]), bytes([0b11000000])])
    assert draw_number(lambda n: next(drawn), prime=7) == 6


def test_shares_travel_as_33_bytes() -> None:
    assert from_bytes(to_bytes(PRIME - 1)) == PRIME - 1
    for raw in (b"", bytes(32), to_bytes(0) + b"x", b"\xff" * 33):
        with pytest.raises(ShareError):
            from_bytes(raw)


def test_a_secret_that_is_none_is_told() -> None:
    assert secret_bytes(2**256 - 1) == b"\xff" * 32
    with pytest.raises(ShareError, match="not of one secret"):
        secret_bytes(2**256)


@pytest.mark.parametrize(("threshold", "holders"), [(0, 3), (4, 3)])
def test_an_impossible_threshold_is_refused(threshold: int, holders: int) -> None:
    with pytest.raises(ValueError, match="threshold"):
        split(1, threshold, holders, drawing())


def test_a_secret_outside_the_field_is_refused() -> None:
    with pytest.raises(ValueError, match="below the prime"):
        split(PRIME, 1, 1, drawing())
