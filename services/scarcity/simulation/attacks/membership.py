"""Did this entity take part? An attacker who holds an entity's rows asks the published parameters.

Its score is how much better the entity does under the learned parameters than under the default
ones: members were trained on, so they may gain more. The difference is taken as a logarithm, and
the default parameters stand in for how hard the entity is.

Source: Yeom et al. (2018), CSF, section 3 (loss threshold); calibration by difficulty after Watson
et al. (2022), ICLR.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scarcity.client.table import Rows
from scarcity.events.domain_profile import DomainProfile
from scarcity.learning.client_step import Draw, RowBatch, query_losses, split_rows
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z

Array = npt.NDArray[np.float64]
SPLITS = 20


@torch.no_grad()
def membership_scores(profile: DomainProfile, z: Array, entities: Mapping[str, Rows]) -> Array:
    """Score of each entity, higher for a likelier member; float64 [entities].

    Args:
        profile: complete.
        z: the published parameters; float64 [E, 129].
        entities: rows as they are; each has more than ``profile.support_rows``.
    """
    maps = feature_maps(profile.map_seed, len(profile.features))
    rows = [entity.standardised(profile) for entity in entities.values()]
    batch = RowBatch.of(maps, [(torch.from_numpy(r.x), torch.from_numpy(r.y)) for r in rows])
    learned, default = torch.from_numpy(z), torch.from_numpy(default_z(maps.inputs))
    gain = torch.zeros(len(rows), dtype=torch.float64)
    for number in range(SPLITS):
        split = split_rows(batch, [Draw(name, number) for name in entities], profile.support_rows)
        before, after = (_log_loss(query_losses(split, start)) for start in (default, learned))
        gain += before - after
    scores: Array = (gain / SPLITS).numpy()
    return scores


def _log_loss(losses: Tensor) -> Tensor:
    return losses.clamp(min=1e-12).log().mean(-1)


def area_under_curve(members: Sequence[float] | Array, others: Sequence[float] | Array) -> float:
    """Chance that a member scores above a non-member; ties count half.

    Source: Hanley and McNeil (1982), Radiology 143, 29-36.

    >>> area_under_curve([3.0, 2.0], [1.0, 2.0])
    0.875
    """
    first, second = np.asarray(members)[:, None], np.asarray(others)[None, :]
    return float(((first > second) + 0.5 * (first == second)).mean())
