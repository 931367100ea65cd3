"""Integer noise: its distribution, and that only the key and the context decide it."""

from math import exp

import numpy as np
import pytest

from scarcity.learning.discrete_gaussian import KEY_BYTES, KeyStream, discrete_gaussian

KEY = bytes(range(KEY_BYTES))


@pytest.mark.parametrize("sigma", [1, 3])
def test_each_integer_has_its_probability(sigma: int) -> None:
    count = 20_000
    drawn = discrete_gaussian(KeyStream(KEY, "test", sigma), sigma, count)
    support = range(-5 * sigma, 5 * sigma + 1)
    weights = np.array([exp(-(x**2) / (2 * sigma**2)) for x in support])
    expected = count * weights / weights.sum()
    seen = np.array([(drawn == x).sum() for x in support])
    # Five standard deviations of a count, and one more where next to none are expected.
    assert (np.abs(seen - expected) <= 5 * np.sqrt(expected) + 1).all()
    assert seen.sum() == count


def test_wide_noise_has_the_moments_of_a_gaussian() -> None:
    sigma = 3 * 2**24
    drawn = discrete_gaussian(KeyStream(KEY, "wide"), sigma, 10_000) / sigma
    # Standard errors: .01 of the mean, .0071 of the deviation, .049 of the kurtosis.
    assert abs(drawn.mean()) < 0.05
    assert abs(drawn.std() - 1) < 0.035
    assert abs((drawn**4).mean() - 3) < 0.25


def test_the_same_key_and_context_give_the_same_noise() -> None:
    def draw(key: bytes, *context: str | int) -> list[int]:
        return discrete_gaussian(KeyStream(key, *context), 2**20, 8).tolist()

    assert draw(KEY, "a", 1) == draw(KEY, "a", 1)
    # Written down once: every machine, and every later version, must draw these.
    assert draw(KEY, "a", 1)[:3] == [-450045, -237188, 388656]
    others = [draw(KEY, "a", 2), draw(KEY, "b", 1), draw(KEY[::-1], "a", 1)]
    assert all(other != draw(KEY, "a", 1) for other in others)


def test_no_noise_is_zeros() -> None:
    assert discrete_gaussian(KeyStream(KEY, "none"), 0, 3).tolist() == [0, 0, 0]


def test_what_is_no_secret_or_no_spread_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyStream(b"short", "a")
    with pytest.raises(ValueError, match="sigma"):
        discrete_gaussian(KeyStream(KEY, "a"), -1, 1)


def test_a_probability_is_met_to_its_last_digit() -> None:
    stream = KeyStream(KEY, "coin")
    assert all(stream.happens(1, 1) for _ in range(100))
    assert not any(stream.happens(0, 1) for _ in range(100))
    # A third in 6000 throws: standard deviation 36.5.
    assert abs(sum(stream.happens(1, 3) for _ in range(6000)) - 2000) < 5 * 36.5
