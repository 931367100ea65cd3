"""What the server sees of one member looks like noise, whatever the member's term is.

Statistical tests with fixed seeds: they say the same on every run.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats
from tests.secagg.playing import PLACE, names, play, random_terms

from scarcity.secagg.masks import mask, pair_seed, public_key

DIMENSION = 4096
ALPHA = 1e-3


def masked(term: npt.NDArray[np.int64], seed: int = 0) -> npt.NDArray[np.uint64]:
    """What the server hears of c0 with this term; the others' terms stay the same."""
    terms = random_terms(names(4), DIMENSION)
    game = play({**terms, "c0": term}, seed=seed)
    payload = game.masked["c0"].masked
    assert payload is not None
    return np.frombuffer(payload.data, "<u8")


def byte_counts(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return np.bincount(np.frombuffer(words.tobytes(), np.uint8), minlength=256)


FLAT = np.zeros(DIMENSION, dtype=np.int64)
LOUD = np.full(DIMENSION, 2**40, dtype=np.int64)


def test_the_bytes_of_a_masked_term_are_uniform() -> None:
    for term in (FLAT, LOUD):
        assert stats.chisquare(byte_counts(masked(term))).pvalue > ALPHA


def test_the_numbers_of_a_masked_term_are_uniform() -> None:
    for term in (FLAT, LOUD):
        assert stats.kstest(masked(term) / 2.0**64, "uniform").pvalue > ALPHA


def test_terms_that_differ_are_masked_alike() -> None:
    flat, loud = masked(FLAT, seed=1), masked(LOUD, seed=2)
    assert stats.ks_2samp(flat, loud).pvalue > ALPHA
    table = np.stack([byte_counts(flat), byte_counts(loud)])
    assert stats.chi2_contingency(table).pvalue > ALPHA


def test_neighbouring_numbers_and_the_masks_of_two_members_are_not_correlated() -> None:
    flat = masked(FLAT) / 2.0**64
    assert stats.pearsonr(flat[:-1], flat[1:]).pvalue > ALPHA
    game = play(dict.fromkeys(names(4), FLAT))
    one, other = (game.masked[c].masked for c in ("c0", "c1"))
    assert one is not None
    assert other is not None
    seen = [np.frombuffer(p.data, "<u8") / 2.0**64 for p in (one, other)]
    assert stats.pearsonr(*seen).pvalue > ALPHA


def test_the_tests_above_would_notice_a_term_that_is_not_masked() -> None:
    noisy = np.random.default_rng(0).normal(0, 2.0**30, DIMENSION).astype(np.int64)
    plain = noisy.view(np.uint64)
    assert stats.chisquare(byte_counts(plain)).pvalue < ALPHA
    assert stats.kstest(plain / 2.0**64, "uniform").pvalue < ALPHA


def test_two_members_agree_on_one_seed_and_no_other_pair_on_the_same() -> None:
    secrets = {c: bytes([i + 1]) * 32 for i, c in enumerate("abc")}
    public = {c: public_key(s) for c, s in secrets.items()}
    ab = pair_seed(secrets["a"], public["b"], PLACE, "a", "b")
    assert ab == pair_seed(secrets["b"], public["a"], PLACE, "b", "a")
    assert ab != pair_seed(secrets["a"], public["c"], PLACE, "a", "c")


def test_a_longer_mask_begins_as_a_shorter_one() -> None:
    assert mask(bytes(32), 9)[:4].tolist() == mask(bytes(32), 4).tolist()
