"""Meta-parameters as a client uses them, and the last two versions it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from scarcity.events.errors import EventError, Reason
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.tensor import TensorPayload
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, META_COUNT
from scarcity.learning.initial import default_z
from scarcity.learning.tensors import from_payload, to_payload


def unheard() -> Tensor:
    """Losses of which nobody told any: NaN; float64 [E]."""
    return torch.full((EXPERT_COUNT,), torch.nan, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Version:
    """One version of a domain's meta-parameters.

    Attributes:
        z: theta, log lambda, log sigma^2; float64 [E, 129].
        domain_losses: float64 [E]; NaN where no one was heard.
        candidates: starting points that a new domain tries; float64 [E, 129] by name.
        start_losses: typical losses under the default start; float64 [E]; NaN where not known.
    """

    domain: str
    number: int
    z: Tensor
    domain_losses: Tensor
    candidates: Mapping[str, Tensor] = field(default_factory=dict)
    start_losses: Tensor = field(default_factory=unheard)

    @classmethod
    def of(cls, event: MetaParameters) -> "Version":
        """Read an event.

        Raises:
            EventError: a tensor has the wrong shape or dtype, or a number is not finite.
        """
        z = torch.cat(
            [
                _tensor("w_init", event.w_init, (EXPERT_COUNT, FEATURE_COUNT)),
                _tensor("alpha", event.alpha, (EXPERT_COUNT, FEATURE_COUNT)),
                _tensor("log_sigma2", event.log_sigma2, (EXPERT_COUNT,)).unsqueeze(-1),
            ],
            dim=-1,
        )
        losses = _tensor("domain_losses", event.domain_losses, (EXPERT_COUNT,), finite=False)
        shape = (EXPERT_COUNT, META_COUNT)
        candidates = {n: _tensor(n, p, shape) for n, p in (event.candidates or {}).items()}
        told = event.start_losses
        start = (
            unheard()
            if told is None
            else _tensor("start_losses", told, (EXPERT_COUNT,), finite=False)
        )
        return cls(event.domain, event.version, z, losses, candidates, start)


NO_VERSION = -1


def default_version(domain: str, inputs: int) -> Version:
    """Where clients start that no server has told anything; ``inputs``: number of columns."""
    return Version(domain, NO_VERSION, torch.from_numpy(default_z(inputs)), unheard())


def parameters_event(
    domain: str,
    family: str,
    number: int,
    z: "np.typing.NDArray[np.float64]",
    domain_losses: "np.typing.NDArray[np.float64]",
    candidates: "Mapping[str, np.typing.NDArray[np.float64]] | None" = None,
    start_losses: "np.typing.NDArray[np.float64] | None" = None,
) -> MetaParameters:
    """The event of a version; what :meth:`Version.of` reads. Arrays as in :class:`Version`."""
    return MetaParameters(
        domain=domain,
        version=number,
        family=family,
        w_init=to_payload(z[:, :FEATURE_COUNT]),
        alpha=to_payload(z[:, FEATURE_COUNT : 2 * FEATURE_COUNT]),
        log_sigma2=to_payload(z[:, -1]),
        domain_losses=to_payload(domain_losses),
        candidates={n: to_payload(c) for n, c in candidates.items()} if candidates else None,
        start_losses=None if start_losses is None else to_payload(start_losses),
    )


def _tensor(
    name: str, payload: TensorPayload, shape: tuple[int, ...], *, finite: bool = True
) -> Tensor:
    if payload.shape != shape or payload.dtype != "float64":
        raise EventError(
            Reason.MALFORMED,
            f"{name} is {payload.dtype}{list(payload.shape)}; want float64{list(shape)}",
        )
    values = from_payload(payload)
    if finite and not np.isfinite(values).all():
        raise EventError(Reason.NOT_FINITE, f"{name} holds a number that is not finite")
    return torch.from_numpy(values)


@dataclass
class Versions:
    """The newest version of a domain and, when it was seen, the one before."""

    current: Version | None = None
    previous: Version | None = None

    def see(self, version: Version) -> bool:
        """Take a version; an older one than the current changes nothing. True when it is new."""
        if self.current is not None and version.number <= self.current.number:
            return False
        if self.current is not None and self.current.number == version.number - 1:
            self.previous = self.current
        else:
            # A version was missed: the loss under the one before cannot be told.
            self.previous = None
        self.current = version
        return True
