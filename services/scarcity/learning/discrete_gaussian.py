"""Integer Gaussian noise from a secret key, in exact integer arithmetic.

Noise from floating point has holes that an observer of the sum can use (Mironov 2012, CCS), and a
logarithm that differs in its last bit between machines would change a version. Here everything is
an integer: the same key gives the same noise on every machine, and each value has exactly the
probability it should have, as far as SHAKE-256 cannot be told from chance.

Source: Canonne, Kamath, Steinke (2020), "The Discrete Gaussian for Differential Privacy", NeurIPS,
algorithms 1 to 3.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from scarcity.learning.public_draws import draw_bytes

KEY_BYTES = 32
_BLOCK = 1 << 15
_WORD = 1 << 64


class KeyStream:
    """An endless stream of uniform 64-bit words that only the holder of the key can repeat.

    Args:
        key: secret, KEY_BYTES long.
        context: what the words are for; another context gives other words.

    Raises:
        ValueError: the key is too short to be a secret.

    >>> KeyStream(bytes(32), "a").word() == KeyStream(bytes(32), "b").word()
    False
    """

    def __init__(self, key: bytes, *context: str | int) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a noise key has {KEY_BYTES} bytes, this one {len(key)}")
        self._seed = key + draw_bytes("key-stream", *context, count=KEY_BYTES)
        self._blocks = 0
        self._words: list[int] = []

    def word(self) -> int:
        """The next word, 0 to 2**64 - 1."""
        if not self._words:
            block = self._blocks.to_bytes(8, "little")
            self._blocks += 1
            raw = hashlib.shake_256(self._seed + block).digest(_BLOCK)
            self._words = np.frombuffer(raw, dtype="<u8").tolist()
        return self._words.pop()

    def happens(self, numerator: int, denominator: int) -> bool:
        """True with probability numerator / denominator, exactly; at most 1."""
        while True:
            # The next 64 binary digits of the probability against those of a uniform number.
            threshold, numerator = divmod(numerator * _WORD, denominator)
            drawn = self.word()
            if drawn != threshold:
                return drawn < threshold


def discrete_gaussian(stream: KeyStream, sigma: int, count: int) -> npt.NDArray[np.int64]:
    """Draw integers x with probability proportional to exp(-x**2 / (2 sigma**2)).

    Args:
        sigma: at most 2**48, so that no draw leaves int64 in any life-time; 0 gives zeros.

    Raises:
        ValueError: sigma is out of range.

    >>> noise = discrete_gaussian(KeyStream(bytes(32), "doctest"), 1000, 400)
    >>> 900 < float(np.sqrt((noise.astype(float) ** 2).mean())) < 1100
    True
    """
    if not 0 <= sigma <= 1 << 48:
        raise ValueError(f"sigma {sigma} must lie in [0, 2**48]")
    if not sigma:
        return np.zeros(count, dtype=np.int64)
    # The scale of the proposals is a power of two near sigma: uniform numbers below it are exact.
    bits = (sigma * sigma).bit_length() // 2
    drawn = [_draw(stream, sigma * sigma, bits) for _ in range(count)]
    return np.array(drawn, dtype=np.int64)


def _draw(stream: KeyStream, variance: int, bits: int) -> int:
    """Algorithm 3 with t = 2**bits."""
    scale = 1 << bits
    denominator = 2 * variance << 2 * bits
    while True:
        proposal = _laplace(stream, bits)
        distance = abs(proposal) * scale - variance
        if _happens_exp(stream, distance * distance, denominator):
            return proposal


def _laplace(stream: KeyStream, bits: int) -> int:
    """Algorithm 2: probability proportional to exp(-|x| / 2**bits)."""
    scale = 1 << bits
    while True:
        low = stream.word() >> (64 - bits) if bits else 0
        if not _happens_exp(stream, low, scale):
            continue
        high = 0
        while _happens_exp(stream, 1, 1):
            high += 1
        size = low + scale * high
        is_negative = stream.word() & 1
        if size or not is_negative:
            return -size if is_negative else size


def _happens_exp(stream: KeyStream, numerator: int, denominator: int) -> bool:
    """Algorithm 1: true with probability exp(-numerator / denominator)."""
    whole, numerator = divmod(numerator, denominator)
    for _ in range(whole):
        if not _happens_exp_below_one(stream, 1, 1):
            return False
    return _happens_exp_below_one(stream, numerator, denominator)


def _happens_exp_below_one(stream: KeyStream, numerator: int, denominator: int) -> bool:
    tries = 1
    while stream.happens(numerator, denominator * tries):
        tries += 1
    return tries % 2 == 1
