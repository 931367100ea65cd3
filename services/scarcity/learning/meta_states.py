"""What the meta-learner remembers of a domain and of a family, and how it is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.adam import Adam

Array = npt.NDArray[np.float64]
Tensors = dict[str, npt.NDArray[np.generic]]
Scalars = dict[str, float]

_CANDIDATE = "candidate."
_DOUBT = "doubt."


def _unheard() -> Array:
    return np.full(EXPERT_COUNT, np.nan)


@dataclass(frozen=True)
class FamilyState:
    """Shared by the domains with the same inputs.

    Attributes:
        inputs: number of input columns.
        z0: shared start; float64 [E, 129].
        adam: moments of z0.
        updates: steps taken by any of the domains; 0: z0 is nothing but the default.
    """

    inputs: int
    z0: Array
    adam: Adam
    updates: int = 0

    def to_tensors(self) -> tuple[Tensors, Scalars]:
        """Write down; :meth:`from_tensors` gives the same bits back."""
        tensors: Tensors = {"z0": self.z0, "mean": self.adam.mean, "square": self.adam.square}
        return tensors, {
            "inputs": float(self.inputs),
            "updates": float(self.updates),
            "power1": self.adam.power1,
            "power2": self.adam.power2,
        }

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, npt.NDArray[np.generic]], scalars: Mapping[str, float]
    ) -> "FamilyState":
        """Read back.

        Raises:
            KeyError: a tensor or scalar is missing.
        """
        floats = {name: np.asarray(t, dtype=np.float64) for name, t in tensors.items()}
        return cls(
            int(scalars["inputs"]),
            floats["z0"],
            Adam(floats["mean"], floats["square"], scalars["power1"], scalars["power2"]),
            int(scalars["updates"]),
        )


@dataclass(frozen=True)
class DomainState:
    """A domain's parameters and its optimiser; z = family's z0 + delta when the version was made.

    Attributes:
        version: rises by one an update.
        z, previous_z: of this version and the one before; float64 [E, 129].
        delta: the domain's own part; float64 [E, 129].
        family_step: what this domain last moved z0 by, so that the gate can take it back.
        adam: moments of delta.
        cap: running median of slope norms; float64 [E]; NaN before any.
        domain_losses: running typical query loss; float64 [E]; NaN before any.
        start_losses: typical query loss under the default start, as the first round's clients told
            it; float64 [E]; NaN where that is not known.
        candidates: starts a new domain tries, z by name; empty once one is chosen.
        insights: contributions used so far, all versions.
        excess: the gate's running excess of clients that got worse.
        step_scale: shrinks after harmful steps.
        doubts: above 0, by client (learning/doubt.py).
    """

    version: int
    z: Array
    delta: Array
    family_step: Array
    adam: Adam
    cap: Array
    domain_losses: Array
    previous_z: Array | None = None
    candidates: Mapping[str, Array] = field(default_factory=dict)
    insights: int = 0
    excess: float = 0.0
    step_scale: float = 1.0
    start_losses: Array = field(default_factory=_unheard)
    doubts: Mapping[str, float] = field(default_factory=dict)

    def to_tensors(self) -> tuple[Tensors, Scalars]:
        """Write down; :meth:`from_tensors` gives the same bits back."""
        tensors: Tensors = {
            "z": self.z,
            "delta": self.delta,
            "family_step": self.family_step,
            "mean": self.adam.mean,
            "square": self.adam.square,
            "cap": self.cap,
            "domain_losses": self.domain_losses,
            "start_losses": self.start_losses,
        }
        if self.previous_z is not None:
            tensors["previous_z"] = self.previous_z
        tensors |= {_CANDIDATE + name: start for name, start in self.candidates.items()}
        return tensors, {
            "version": float(self.version),
            "insights": float(self.insights),
            "power1": self.adam.power1,
            "power2": self.adam.power2,
            "excess": self.excess,
            "step_scale": self.step_scale,
        } | {_DOUBT + client: doubt for client, doubt in self.doubts.items()}

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, npt.NDArray[np.generic]], scalars: Mapping[str, float]
    ) -> "DomainState":
        """Read back.

        Raises:
            KeyError: a tensor or scalar is missing.
        """
        floats = {name: np.asarray(t, dtype=np.float64) for name, t in tensors.items()}
        return cls(
            version=int(scalars["version"]),
            z=floats["z"],
            delta=floats["delta"],
            family_step=floats["family_step"],
            adam=Adam(floats["mean"], floats["square"], scalars["power1"], scalars["power2"]),
            cap=floats["cap"],
            domain_losses=floats["domain_losses"],
            previous_z=floats.get("previous_z"),
            candidates={
                name.removeprefix(_CANDIDATE): start
                for name, start in floats.items()
                if name.startswith(_CANDIDATE)
            },
            insights=int(scalars["insights"]),
            excess=scalars["excess"],
            step_scale=scalars["step_scale"],
            start_losses=floats["start_losses"],
            doubts={
                name.removeprefix(_DOUBT): doubt
                for name, doubt in scalars.items()
                if name.startswith(_DOUBT)
            },
        )
