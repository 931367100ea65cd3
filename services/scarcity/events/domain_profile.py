"""What an operator declares of a domain: columns, scaling, privacy, rounds."""

from math import isfinite
from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.dp_rules import DpRules
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.secure_sum import LEAST_MEMBERS, SumRules
from scarcity.events.types import (
    EXPERT_COUNT,
    NOISED_SLOPE_CHOICES,
    SLOPE_CHOICES,
    SLOPES_PER_INSIGHT,
)

PrivacyMode = Literal["budget", "dp", "secagg", "open"]


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column and its standardisation: (x - center) / scale. None: still to be estimated."""

    name: str
    center: float | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and not (isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"column {self.name!r}: scale {self.scale} must be positive")
        if self.center is not None and not isfinite(self.center):
            raise ValueError(f"column {self.name!r}: center {self.center} must be finite")


class DomainProfile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Topic `domains`, key domain, JSON, compacted; domain names are the topics' suffixes.

    Attributes:
        family: domains with the same inputs share a family, hence feature maps and z0.
        features: input columns, at most 62; ``target`` the column to predict.
        scaling: `declared`: every column carries centre and scale. `estimated`: meta fills them
            in from the moments of the first ``policy.min_clients`` registrations, once.
        seed: public seed of the feature maps; empty: the family's name.
        support_rows: rows a client adapts on in each split; the others are its query.
        slopes: whether clients publish loss slopes (False: losses and counts only).
        slopes_per_expert: how many, besides that of log sigma^2: 2, 4, 8 or 16; in privacy mode
            `dp` also 32, 64 or 128.
        experts: numbers of the experts that clients run, ascending; empty: all of them.
        slope_clip: bound C of the norm of the published gradient.
        dp: rules of privacy mode `dp`; there, and only there.
        secagg: rules of privacy mode `secagg`, when they are not the usual ones.
        gossip_encryption: `sealed`: a client's prior can be opened by the peers of its group alone.
            `plain`: by everyone who may read the topic; in privacy mode `open` only.
    """

    domain: str
    family: str
    features: tuple[Column, ...]
    target: Column
    scaling: Literal["declared", "estimated"] = "declared"
    privacy: PrivacyMode = "budget"
    seed: str = ""
    support_rows: int = 6
    slopes: bool = True
    slope_clip: float = 5.0
    slopes_per_expert: int = SLOPES_PER_INSIGHT
    experts: tuple[int, ...] = ()
    policy: RoundPolicy = RoundPolicy()
    dp: DpRules | None = None
    secagg: SumRules | None = None
    gossip_encryption: Literal["sealed", "plain"] = "sealed"
    schema_version: str = SCHEMA_VERSION

    def __post_init__(self) -> None:
        names = [c.name for c in self.features]
        if not 1 <= len(names) <= 62:
            raise ValueError(
                f"domain {self.domain!r} has {len(names)} features; 1 to 62 are possible"
            )
        if len({*names, self.target.name}) != len(names) + 1:
            raise ValueError(f"domain {self.domain!r} names a column twice")
        if self.scaling == "declared" and not self.is_complete:
            raise ValueError(
                f"domain {self.domain!r}: scaling is declared, but a column lacks center or scale"
            )
        if self.support_rows < 1 or self.slope_clip <= 0:
            raise ValueError(
                f"domain {self.domain!r}: support_rows and slope_clip must be positive"
            )
        choices = NOISED_SLOPE_CHOICES if self.privacy == "dp" else SLOPE_CHOICES
        if self.slopes_per_expert not in choices:
            raise ValueError(
                f"domain {self.domain!r}: slopes_per_expert is {self.slopes_per_expert}; "
                f"one of: {', '.join(map(str, choices))} (privacy {self.privacy})"
            )
        if list(self.experts) != sorted(set(self.experts) & set(range(EXPERT_COUNT))):
            raise ValueError(
                f"domain {self.domain!r}: experts are {list(self.experts)}; want ascending "
                f"numbers from 0 to {EXPERT_COUNT - 1}"
            )
        if (self.privacy == "dp") != (self.dp is not None):
            raise ValueError(
                f"domain {self.domain!r}: privacy is {self.privacy}; `dp:` goes with privacy dp, "
                "and with that alone"
            )
        if self.gossip_encryption == "plain" and self.privacy != "open":
            raise ValueError(
                f"domain {self.domain!r}: gossip_encryption is plain, which goes with privacy open "
                f"alone; privacy is {self.privacy}"
            )
        if self.dp is not None:
            self._check_dp(self.dp)
        if self.secagg is not None and self.privacy != "secagg":
            raise ValueError(
                f"domain {self.domain!r}: privacy is {self.privacy}; `secagg:` goes with secagg"
            )
        if self.privacy == "secagg":
            self._check_secagg()

    def _check_dp(self, rules: DpRules) -> None:
        """Refuse what would tell figures of the rows without noise."""
        wants = {
            "scaling: declared (moments are told without noise)": self.scaling == "declared",
            "slopes: true": self.slopes,
        }
        if rules.where == "central":
            wants |= {
                "policy mode: deadline (else a round's end tells who took part)": (
                    self.policy.mode == "deadline"
                ),
                "policy quarantine: 0 (it judges single clients)": self.policy.quarantine == 0,
            }
        self._refuse_missing(wants)

    def _check_secagg(self) -> None:
        """Refuse what would tell figures of one client."""
        self._refuse_missing(
            {
                "scaling: declared (moments are told by each client)": self.scaling == "declared",
                "slopes: true": self.slopes,
                f"policy min_clients: {LEAST_MEMBERS} or more": (
                    self.policy.min_clients >= LEAST_MEMBERS
                ),
                "policy quarantine: 0 (it judges single clients)": self.policy.quarantine == 0,
            }
        )

    def _refuse_missing(self, wants: dict[str, bool]) -> None:
        missing = [want for want, is_met in wants.items() if not is_met]
        if missing:
            raise ValueError(f"domain {self.domain!r}: privacy {self.privacy} needs {missing[0]}")

    @property
    def columns(self) -> tuple[Column, ...]:
        """Features, then the target."""
        return (*self.features, self.target)

    @property
    def is_complete(self) -> bool:
        """Whether every column has centre and scale."""
        return all(c.center is not None and c.scale is not None for c in self.columns)

    @property
    def expert_numbers(self) -> tuple[int, ...]:
        """The experts that clients run."""
        return self.experts or tuple(range(EXPERT_COUNT))

    @property
    def sum_rules(self) -> SumRules:
        """Rules of privacy mode `secagg`."""
        return self.secagg or SumRules()

    @property
    def map_seed(self) -> str:
        """Seed of the family's feature maps."""
        return self.seed or self.family
