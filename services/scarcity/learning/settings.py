"""How the meta-learner steps; the ledger holds the hash, so that a replay knows the rules."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal

import orjson

from scarcity.learning.initial import INITIAL_VALUES

# Fixed point of losses, staleness weights and trust: sums of integers do not depend on order.
LOSS_SCALE = 2**24
WEIGHT_SCALE = 2**16
LOSS_BOUND = 1e6
TRUST_SCALE = 2**8


@dataclass(frozen=True)
class LearningSettings:
    """Settings of the OnlineMAMLEngine; defaults were tuned on benchmarks/learning/panels.py.

    Attributes:
        mode: `sync`: ``rate`` / sqrt(1 + version / ``rate_versions``); `stream`:
            ``stream_rate`` / sqrt(1 + insights / ``rate_insights``).
        rate, stream_rate: Adam's step, units of z.
        beta1, beta2, epsilon: Adam (Kingma and Ba 2015, algorithm 1).
        pull: delta shrinks by min(.5, pull * rate / n) a round; n contributions.
        wave_decay: theta of the random features shrinks by min(.5, wave_decay * rate * sqrt(loss))
            a round, or they learn a domain's clients by heart. The root of the expert's domain loss
            is the noise they would learn: a prior on theta weighs so much against Adam's steps.
        max_staleness: versions; older insights are left out of the step.
        weigh_staleness: an insight weighs 1 / (1 + staleness) in the step; otherwise 1.
        cap_decay: of the running median of slope norms.
        cap_factor: a contribution's slopes are cut to this many running medians.
        trust: whether a client whose slopes contradict its own losses counts less.
        doubt_drift: of a client's doubt an insight, less its agreement; for eight slopes an expert.
        doubt_from, doubt_out: doubt at which a client begins to count less, and not at all.
        doubt_most: doubt grows no further, so that a client can make up for it.
        doubts_kept: clients of a domain whose doubt is remembered.
        gate: whether a harmful step is taken back.
        gate_decay: of the running excess of clients that got worse.
        gate_margin: excess = share worse - 1/2 - gate_margin / sqrt(n).
        gate_min_clients: with fewer paired reports the gate does not vote.
        shrink, grow, floor: of the step's scale after a harmful and a good step.
        typical_losses: clients route by medians, which a minority cannot move far; otherwise by
            means, each loss cut to four medians.
        loss_decay: of the running domain losses that clients route by.
        bound: |log lambda|, |log sigma^2| and |theta| stay below.
    """

    mode: Literal["sync", "stream"] = "sync"
    rate: float = 0.02
    rate_versions: float = 100.0
    stream_rate: float = 0.01
    rate_insights: float = 2000.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    pull: float = 6.0
    wave_decay: float = 11.0
    max_staleness: int = 50
    weigh_staleness: bool = True
    cap_decay: float = 0.9
    cap_factor: float = 1.0
    trust: bool = True
    doubt_drift: float = 0.15
    doubt_from: float = 1.0
    doubt_out: float = 2.0
    doubt_most: float = 6.0
    doubts_kept: int = 4096
    gate: bool = True
    gate_decay: float = 0.5
    gate_margin: float = 0.5
    gate_min_clients: int = 4
    shrink: float = 0.7
    grow: float = 1.05
    floor: float = 0.1
    typical_losses: bool = True
    loss_decay: float = 0.9
    bound: float = 14.0

    def hash(self) -> str:
        """Hex SHA-256 of the settings, and of the constants that a domain starts from."""
        rules = asdict(self) | {"initial": INITIAL_VALUES}
        raw = orjson.dumps(rules, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(raw).hexdigest()
