"""The parts of events that the dashboard decodes beyond those that the monitor does."""

from typing import Literal

import msgspec

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.tensor import TensorPayload
from scarcity.monitor.domain_view import Count, MemoryLine

MAX_VERSION = 2**40


class LatestLine(msgspec.Struct):
    """The part of a memory's latest insight that the dashboard uses."""

    avg_loss: float
    meta_version: int | None = None
    epsilon: float | None = None


class ClientLine(MemoryLine):
    """A MemoryLine and what the list of clients shows besides."""

    latest: LatestLine | None = None
    first_seen_ms: int = 0


class InsightLine(msgspec.Struct):
    """The part of an Insight that makes a client's history."""

    client_id: str
    avg_loss: float
    meta_version: int | None = None
    schema_version: str = SCHEMA_VERSION


class RegisteredLine(msgspec.Struct):
    """The part of a ClientRegistered that the dashboard shows."""

    client_id: str
    domain: str
    rows: Count = 0
    leased_scalars: Count = 0
    limit_reached: Literal["", "slopes", "all"] = ""
    schema_version: str = SCHEMA_VERSION


class TriedExpert(msgspec.Struct):
    """An expert's losses under the starts that a new domain tries."""

    candidate_losses: dict[str, float] | None = None


class TriedLine(msgspec.Struct):
    """The part of an Insight that tells how the starts of a new domain did."""

    expert_insights: dict[str, TriedExpert]
    schema_version: str = SCHEMA_VERSION


class PolicyDetail(msgspec.Struct):
    """A round policy as the page shows it."""

    mode: str = "sync"
    min_clients: int = 2
    quorum: float = 0.5
    deadline_s: float = 10.0
    buffer: int = 16
    active_s: float = 60.0
    quarantine: float = 0.0


class ProfileDetail(msgspec.Struct):
    """The part of a DomainProfile that the page shows."""

    domain: str
    family: str = ""
    privacy: str = "budget"
    features: list[msgspec.Raw] = []
    policy: PolicyDetail = msgspec.field(default_factory=PolicyDetail)
    schema_version: str = SCHEMA_VERSION


class TensorsLine(msgspec.Struct):
    """The part of a MetaParameters that tells learning rates and losses by expert."""

    domain: str
    version: int
    alpha: TensorPayload
    domain_losses: TensorPayload
    start_losses: TensorPayload | None = None
    schema_version: str = SCHEMA_VERSION


class EvictedLine(msgspec.Struct):
    """The part of a GossipWeights that tells whom a client leaves out, and how much it traded."""

    client_id: str
    domain: str
    exchanges: Count = 0
    evictions: Count = 0
    readmissions: Count = 0
    evicted: list[str] = []
    schema_version: str = SCHEMA_VERSION
