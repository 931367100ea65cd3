"""Which experts a client listens to: a softmax over losses that mix its own with its domain's."""

import torch
from torch import Tensor

LOCAL_SHARE = 0.3  # of the local leave-one-out loss; the rest is the domain's loss
TEMPERATURE = 0.2  # in units of the median loss: one ruined expert must not level the others


def routing_weights(local_losses: Tensor, domain_losses: Tensor) -> Tensor:
    """Weights over experts.

    Args:
        local_losses: leave-one-out losses of the client's own rows; float64 [..., E].
        domain_losses: from the meta-parameters; float64 [E]; NaN where no one was heard.

    Returns:
        float64 [..., E], positive, each row sums to 1.

    >>> even = torch.ones(2, dtype=torch.float64)
    >>> routing_weights(even, even).tolist()
    [0.5, 0.5]
    """
    heard = torch.isfinite(domain_losses)
    mixed = LOCAL_SHARE * local_losses + (1 - LOCAL_SHARE) * domain_losses
    losses = torch.where(heard, mixed, local_losses)
    scale = TEMPERATURE * losses.median(-1, keepdim=True).values
    return torch.softmax(-losses / scale.clamp(min=torch.finfo(losses.dtype).tiny), dim=-1)
