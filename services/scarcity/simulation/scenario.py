"""What a simulation is told: a typed scenario, so that a misspelt key cannot pass for a setting."""

from math import pi
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from scarcity.events.domain_profile import PrivacyMode
from scarcity.events.dp_rules import DpRules
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import EXPERT_COUNT, SlopeChoice
from scarcity.learning.settings import LearningSettings
from scarcity.simulation.gossip_scenario import Gossip, Outage
from scarcity.simulation.scenario_parts import Count, Range, Seconds, Share, Strict
from scarcity.simulation.scenario_parts import Delay as Delay


class Staleness(Strict, frozen=True):
    """How many versions behind the newest a client starts from."""

    kind: Literal["none", "fixed", "uniform", "geometric"] = "none"
    mean: Annotated[float, Meta(ge=0.0, le=200.0)] = 0.0


class Rounds(Strict, frozen=True, tag_field="kind", tag="rounds"):
    """Every version ``clients`` idle ones are drawn; again after ``retry_s`` without a version."""

    clients: Count = 32
    retry_s: Annotated[float, Meta(gt=0.0)] = 15.0


class Stream(Strict, frozen=True, tag_field="kind", tag="stream"):
    """Each client comes by itself: exponential times of mean ``every_s`` between its rounds."""

    every_s: Annotated[float, Meta(gt=0.0)] = 10.0


class Concurrent(Strict, frozen=True, tag_field="kind", tag="concurrent"):
    """``clients`` are at work at any time: as one ends, an idle one is drawn and starts.

    Source: Nguyen et al. (2022), AISTATS, section 3 ("concurrency").
    """

    clients: Count = 32


class ClientModel(Strict, frozen=True):
    """How clients behave.

    Attributes:
        arrival: who takes part when.
        work: from reading the parameters to the insight's arrival at the broker.
        slow_share, slow_factor: that share of the clients takes so many times longer.
        dropout: share of started rounds that end without an insight.
        lost, duplicated: share of published messages; a duplicate arrives after another ``work``.
    """

    arrival: Rounds | Stream | Concurrent = Rounds()
    work: Delay = Delay()
    slow_share: Share = 0.0
    slow_factor: Annotated[float, Meta(ge=1.0)] = 10.0
    dropout: Share = 0.0
    staleness: Staleness = Staleness()
    lost: Share = 0.0
    duplicated: Share = 0.0


class Attackers(Strict, frozen=True):
    """Colluding clients of a domain.

    Attributes:
        attack: see simulation/attacks/poisoning.py.
        share: of the domain's clients.
        after_versions: sleepers are honest up to this version.
        strength: meaning depends on the attack; 1 is its published or natural form.
    """

    attack: Literal[
        "against-honest-at-clip",
        "against-honest-at-size",
        "fixed-direction",
        "alie",
        "loss-liar",
        "routing-bait",
        "consistent-liar",
        "inflated-samples",
        "many-ids",
    ]
    share: Share = 0.2
    after_versions: Annotated[int, Meta(ge=0)] = 0
    strength: Annotated[float, Meta(gt=0.0)] = 1.0


class Sinusoid(Strict, frozen=True, tag_field="kind", tag="sinusoid"):
    """Each client has its own y = A sin(w x + phase).

    Attributes:
        draw: another number draws other clients and rows.

    Source: Li et al. (2017), arXiv:1707.09835, section 4.1; the default ranges are theirs.
    """

    clients: Count = 200
    rows: Annotated[int, Meta(ge=2, le=100_000)] = 8
    amplitude: Range = (0.1, 5.0)
    frequency: Range = (0.8, 1.2)
    phase: Range = (0.0, pi)
    inputs: Range = (-5.0, 5.0)
    noise: Annotated[float, Meta(ge=0.0)] = 0.0
    new_clients: Count = 100
    new_rows: Annotated[int, Meta(ge=2)] = 40
    draw: Annotated[int, Meta(ge=0)] = 0


class Nested(Strict, frozen=True, tag_field="kind", tag="nested"):
    """Clients in groups in one population; see simulation/nested.py.

    Attributes:
        groups: clients of each group.
        group: number of the group whose clients these are; None: those of all groups.
        new_clients: of each group.
        length_scale: of all functions, in standard deviations of an input.
        draw: another number draws other functions and rows.
        population_sd, group_sd, client_sd: of each level's functions; by default each level varies
            half as much as the one above. ``noise``: of a row.
    """

    groups: tuple[Count, ...]
    group: Annotated[int, Meta(ge=0)] | None = None
    rows: Annotated[int, Meta(ge=2, le=100_000)] = 16
    inputs: Annotated[int, Meta(ge=1, le=62)] = 3
    length_scale: Annotated[float, Meta(gt=0.0)] = 2.0
    population_sd: Annotated[float, Meta(ge=0.0)] = 1.0
    group_sd: Annotated[float, Meta(ge=0.0)] = 0.5
    client_sd: Annotated[float, Meta(ge=0.0)] = 0.25
    noise: Annotated[float, Meta(ge=0.0)] = 0.125
    new_clients: Count = 50
    new_rows: Annotated[int, Meta(ge=2)] = 40
    draw: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.group is not None and self.group >= len(self.groups):
            raise ValueError(
                f"group: {self.group}; the last of {len(self.groups)} groups has "
                f"number {len(self.groups) - 1}"
            )


class Panel(Strict, frozen=True, tag_field="kind", tag="panel"):
    """One of the demo's panels of real institutions: `economic`, `medical`, `technology`."""

    name: str
    split: int = 0


class CsvPanel(Strict, frozen=True, tag_field="kind", tag="csv"):
    """A CSV file; each value of ``entity`` is a client. Paths relative to the scenario's directory.

    Attributes:
        split: number of the deal that keeps 30 % of the entities out as new clients.
        new_path: a file of the new clients instead; then all of ``path`` take part.
    """

    path: str
    entity: str
    target: str
    features: tuple[str, ...]
    split: int = 0
    new_path: str = ""


Data = Sinusoid | Nested | Panel | CsvPanel


class RowStream(Strict, frozen=True):
    """A client's rows come one by one, in the order of its data; it holds the last few.

    Each is predicted before it is held (simulation/prequential.py). A stream that has ended leaves
    its last rows with the client.

    Attributes:
        window: rows that a client holds, from the beginning on.
        row_every_s: virtual time between two rows of a client; all of a domain get one together.
    """

    window: Annotated[int, Meta(ge=2, le=100_000)] = 32
    row_every_s: Annotated[float, Meta(gt=0.0)] = 5.0


class Drift(Strict, frozen=True):
    """The world changes: from a version of the domain on, its rows come from other data.

    The same clients, of the same names, have other rows: at once, or in a stream row by row. The
    new clients who judge change at once. The scaling stays: nobody told the operator.
    """

    at_version: Count
    data: Data


class DomainScenario(Strict, frozen=True):
    """A domain.

    Attributes:
        family: domains of a family share features and z0; empty: the domain's name.
        support_rows: rows to adapt on; 0: as the panel says, else half of what the shortest client
            holds.
        slopes_per_expert, experts, dp: as in the domain's profile. In mode `dp` every client tosses
            its coin for every version, however many ``arrival`` would draw.
        policy: None: a round closes at the drawn (or 32) insights, or after its deadline.
        joins_at_s: virtual time at which its clients join.
        scaling: centre and scale by column, as an operator declares them; otherwise of its rows.
        stream: None: clients hold all their rows from the beginning on.
    """

    name: str
    data: Data
    family: str = ""
    support_rows: Annotated[int, Meta(ge=0)] = 0
    privacy: PrivacyMode = "open"
    slopes: bool = True
    slope_clip: Annotated[float, Meta(gt=0.0)] = 5.0
    slopes_per_expert: SlopeChoice = 8
    experts: tuple[Annotated[int, Meta(ge=0, lt=EXPERT_COUNT)], ...] = ()
    policy: RoundPolicy | None = None
    clients: ClientModel = ClientModel()
    attackers: tuple[Attackers, ...] = ()
    joins_at_s: Seconds = 0.0
    scaling: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    dp: DpRules | None = None
    stream: RowStream | None = None
    drift: Drift | None = None

    def __post_init__(self) -> None:
        if sum(a.share for a in self.attackers) > 1:
            raise ValueError("attackers: their shares add up to more than 1")
        if (self.privacy == "dp") != (self.dp is not None):
            raise ValueError("dp: goes with `privacy: dp`, and with that alone")
        if self.privacy == "secagg":
            raise ValueError("privacy: the simulation plays no rounds of secure sums")
        if self.dp is not None and self.policy is not None and self.policy.mode != "deadline":
            raise ValueError("policy: in mode dp rounds close at their deadline (mode: deadline)")


class Evaluate(Strict, frozen=True):
    """How often new clients, which never publish, are scored."""

    every_versions: Count = 25
    splits: Annotated[int, Meta(ge=1, le=50)] = 3


class Scenario(Strict, frozen=True):
    """A whole simulation.

    Attributes:
        versions: it ends when every domain has reached this version.
        limit_s: or at this virtual time.
        poll_ms: virtual time between two looks of the services at what has arrived.
        keep_log: keep every record of every topic, not the ledger alone.
        gossip: None: clients hear of the server alone.
        outage: when the server is away; a run that it never ends needs ``limit_s``.
    """

    name: str
    domains: tuple[DomainScenario, ...]
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    versions: Count = 200
    limit_s: Seconds = 1e7
    poll_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 50
    learning: LearningSettings = LearningSettings()
    evaluate: Evaluate = Evaluate()
    keep_log: bool = False
    gossip: Gossip | None = None
    outage: Outage | None = None
    directory: Path = Path()

    def __post_init__(self) -> None:
        names = [d.name for d in self.domains]
        if not names:
            raise ValueError("domains: at least one is needed")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"domains: {name!r} stands twice")
