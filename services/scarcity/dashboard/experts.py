"""Learning rate and routing weight of each expert, from the meta-parameters; no tensor library."""

import sys
from array import array
from collections.abc import Sequence
from math import exp, isfinite
from statistics import median

from scarcity.events.tensor import TensorPayload

TEMPERATURE = 0.2  # learning/routing.py: in units of the median loss


def rows(tensor: TensorPayload) -> "list[array[float]]":
    """A float64 matrix as rows; a vector is one row; [] for what is neither."""
    if tensor.dtype != "float64" or not 1 <= len(tensor.shape) <= 2:
        return []
    values = array("d")
    values.frombytes(tensor.data)
    if sys.byteorder == "big":
        values.byteswap()
    width = tensor.shape[-1]
    return [values[at : at + width] for at in range(0, len(values), width)] if width else []


def learning_rates(alpha: TensorPayload) -> list[float | None]:
    """Geometric mean of the per-weight learning rates of each expert; ``alpha`` holds logarithms.

    >>> one = TensorPayload((2, 2), "float64", array("d", [0.0, 0.0, -1.0, 1.0]).tobytes())
    >>> learning_rates(one)
    [1.0, 1.0]
    """
    means = [sum(row) / len(row) for row in rows(alpha)]
    return [exp(mean) if isfinite(mean) and mean < 700 else None for mean in means]


def losses(tensor: TensorPayload | None) -> list[float | None]:
    """Losses by expert; None where nobody was heard."""
    found = rows(tensor) if tensor is not None else []
    return [loss if isfinite(loss) else None for loss in found[0]] if found else []


def routing(told: Sequence[float | None]) -> list[float | None]:
    """Weights of the experts for a client that goes by the domain's losses alone.

    The softmax of learning/routing.py, without the share of a client's own losses.

    >>> routing([0.5, 0.5, None])
    [0.5, 0.5, None]
    """
    known = [loss for loss in told if loss is not None]
    if not known:
        return [None] * len(told)
    scale = TEMPERATURE * max(median(known), sys.float_info.min)
    best = min(known)
    parts = [None if loss is None else exp(-(loss - best) / scale) for loss in told]
    total = sum(part for part in parts if part is not None)
    return [None if part is None else part / total for part in parts]
