import numpy as np

from scarcity.learning.public_draws import draw_bytes, draw_uniforms, draw_words


def test_draws_are_the_same_for_years() -> None:
    # SHAKE-256 of "scarcity/1" and the length-prefixed parts "x" and "7".
    assert draw_bytes("x", 7, count=8).hex() == "b8340938a4007e7e"


def test_a_longer_draw_begins_as_a_shorter_one() -> None:
    assert draw_words("x", count=9)[:4].tolist() == draw_words("x", count=4).tolist()


def test_uniforms_fill_the_interval_evenly() -> None:
    uniforms = draw_uniforms("x", count=10_000)
    shares, _ = np.histogram(uniforms, bins=10, range=(0, 1))
    # Binomial with sd 30.
    assert (np.abs(shares - 1000) < 150).all()
