"""Do a client's slopes foretell how its own losses change?

A slope is the derivative of the very loss that the client reports, and it reports that loss under
two versions whose difference everybody knows. So its slopes say, as far as a few of 128 directions
can, by how much its losses changed from one to the other. With s_e and d_e an expert's slopes and
the last step, both along the reported directions and log sigma^2:

    foretold_e = (s_e . d_e) / (|s_e| |d_e|)
    change_e   = (loss_e - previous_e) / (loss_e + previous_e)
    agreement  = sum_e foretold_e change_e / sqrt(sum_e foretold_e^2 sum_e change_e^2)

An honest client's is .25 to .4 on average with eight slopes, whatever its rows are and whatever
others say: nobody can be made a suspect by other clients' reports. Slopes that were turned round,
and losses that were made up, foretell nothing or the opposite. A client that makes up losses to
fit its slopes agrees with itself, and is not told apart. docs/decisions/0011-trust-by-agreement.md.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scarcity.events.types import SLOPE_SCALE
from scarcity.learning.contribution import Contribution
from scarcity.learning.directions import DIRECTION_COUNT, block_number, fwht, signs

Array = npt.NDArray[np.float64]

# With fewer experts the agreement of one insight is little more than a sign.
MIN_EXPERTS = 5
_STEP_SCALE = 2.0**40  # fixed point of the step, so that its transform is exact


def agreements(
    domain: str, version: int, step: Array, told: Sequence[Contribution]
) -> dict[int, float]:
    """Agreement of each insight that can be checked, -1 to 1, by its place in ``told``.

    Args:
        version: that the insights must have been measured on.
        step: from the version before to this one; float64 [E, 129].
    """
    lengths: dict[int, list[int]] = {}
    for place, one in enumerate(told):
        if one.meta_version != version or one.previous_losses is None or one.slopes is None:
            continue
        lengths.setdefault(one.slopes.shape[1], []).append(place)
    found: dict[int, float] = {}
    for places in lengths.values():
        some = [told[place] for place in places]
        for place, value in zip(places, _agreements(domain, version, step, some), strict=True):
            if value == value:  # NaN, of an insight that says nothing, differs from itself
                found[place] = value
    return found


def _agreements(
    domain: str, version: int, step: Array, told: Sequence[Contribution]
) -> list[float]:
    foretold = _foretold(domain, version, step, told)
    loss = np.stack([one.losses for one in told])
    before = np.stack([o.previous_losses for o in told if o.previous_losses is not None])
    heard = loss + before > 0  # False for NaN too, where a client does not run an expert
    both = np.where(heard, loss + before, 1.0)
    change = np.where(heard, loss - before, 0.0) / both
    foretold = np.where(heard, foretold, 0.0)
    products, predictions, changes = (np.zeros(len(told)) for _ in range(3))
    # Expert by expert: np.sum's pairwise order may change between numpy releases.
    for expert in range(loss.shape[1]):
        p, c = foretold[:, expert], change[:, expert]
        products, predictions, changes = products + p * c, predictions + p * p, changes + c * c
    size = np.sqrt(predictions) * np.sqrt(changes)
    tells = (size > 0) & (heard.sum(axis=1) >= MIN_EXPERTS)
    agreement: list[float] = np.where(tells, products / np.where(tells, size, 1.0), np.nan).tolist()
    return agreement


def _foretold(domain: str, version: int, step: Array, told: Sequence[Contribution]) -> Array:
    """Cosine between each client's slopes and the step where it looked; float64 [n, E]."""
    slopes = np.stack([o.slopes for o in told if o.slopes is not None]) / float(SLOPE_SCALE)
    columns = slopes.shape[2] - 1
    fixed = np.rint(step[:, :DIRECTION_COUNT] * _STEP_SCALE).astype(np.int64)
    along = fwht(fixed * signs(domain, version)).astype(np.float64)
    along = along / (_STEP_SCALE * np.sqrt(float(DIRECTION_COUNT)))
    by_block = along.reshape(len(step), DIRECTION_COUNT // columns, columns).transpose(1, 0, 2)
    looked = by_block[[block_number(o.client_id, o.sequence, columns) for o in told]]
    product, norm, length = (np.zeros(slopes.shape[:2]) for _ in range(3))
    for column in range(columns):
        s, d = slopes[:, :, column], looked[:, :, column]
        product, norm, length = product + s * d, norm + s * s, length + d * d
    s, d = slopes[:, :, -1], step[:, -1]
    product, norm, length = product + s * d, norm + s * s, length + d * d
    size = np.sqrt(norm) * np.sqrt(length)
    cosine: Array = product / np.where(size > 0, size, 1.0)
    return cosine
