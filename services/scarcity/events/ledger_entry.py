"""One line of the ledger: enough to recompute a version from the insights topics alone."""

import hashlib

import msgspec

from scarcity.events.codec import SCHEMA_VERSION, canonical_json
from scarcity.events.dp_rules import DpRound
from scarcity.events.secure_sum import SecureSum
from scarcity.events.standing import Lift, Mark, Repair


class PartitionInputs(msgspec.Struct):
    """Insights used from one partition: the first offset, then the differences, ascending."""

    partition: int
    offset_deltas: list[int]

    @classmethod
    def of(cls, partition: int, offsets: list[int]) -> "PartitionInputs":
        """Code offsets by differences.

        >>> PartitionInputs.of(2, [9, 4, 5]).offset_deltas
        [4, 1, 4]
        """
        ordered = sorted(offsets)
        return cls(partition, [b - a for a, b in zip([0, *ordered], ordered, strict=False)])

    def offsets(self) -> list[int]:
        """The offsets, ascending.

        >>> PartitionInputs(2, [4, 1, 4]).offsets()
        [4, 5, 9]
        """
        total, result = 0, []
        for delta in self.offset_deltas:
            total += delta
            result.append(total)
        return result


class RoundPolicy(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a domain's round closes.

    Attributes:
        mode: `sync` waits for quorum or deadline; `async` closes at ``buffer`` fresh insights
            (FedBuff: Nguyen et al. 2022, AISTATS, algorithm 1); `deadline` closes at the deadline
            alone, so that the number of clients is not told by the time.
        min_clients: fewer fresh clients than this never close a round: the domain waits.
        quorum: share of the active clients, 0 to 1.
        deadline_s: seconds after the round's first insight; then min_clients suffice.
        buffer: insights of an async round.
        active_s: a client is active when its last insight is at most this old.
        quarantine: evidence at which the check of meta/quarantine.py marks a client; 0: never.
    """

    mode: str = "sync"
    min_clients: int = 2
    quorum: float = 0.5
    deadline_s: float = 10.0
    buffer: int = 16
    active_s: float = 60.0
    quarantine: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in ("sync", "async", "deadline"):
            raise ValueError(f"policy mode {self.mode!r} is unknown; one of: sync, async, deadline")
        if self.min_clients < 1 or self.buffer < 1:
            raise ValueError("policy min_clients and buffer must be at least 1")
        if not 0 < self.quorum <= 1:
            raise ValueError(f"policy quorum {self.quorum} must lie in (0, 1]")
        if self.deadline_s <= 0 or self.active_s <= 0:
            raise ValueError("policy deadline_s and active_s must be positive")
        if not self.quarantine >= 0:
            raise ValueError(f"policy quarantine {self.quarantine} must not be negative")


class LedgerEntry(msgspec.Struct, omit_defaults=True):
    """Topic `ledger`, key domain, JSON, append-only, one partition.

    Attributes:
        parent: hex SHA-256 of the entry before, of any domain: one chain; empty for the first.
        inputs: the insights used; ``inputs_hash`` is over them in the order of (partition,
            offset); meta/recompute.py says how.
        start: name of the starting point when this version chose one (version 0 to 1).
        closed_by: `quorum`, `deadline`, `buffer`, `start` or `repair`.
        reverted: the gate took the step before back.
        result_hash: hex SHA-256 of z as little-endian float64 [experts, 129].
        phases_s: seconds spent in gossip, collection, processing, broadcast, training.
        marks, lifted: clients that count no more, and that count again.
        repair: this version is no step but a repair; it uses no insights.
        checkpoint: hex SHA-256 of the states that were written to `checkpoints` with this version;
            empty when none were.
        dp: noise of this version and what it cost, in privacy mode `dp`.
        sums: of a version in privacy mode `secagg`: how its sum was made. ``inputs`` are then the
            masked terms and reveals in `secagg-terms.<domain>`.
        key_id: of the writer's key; empty when not signed.
        signature: of the writer over :meth:`signed_bytes`; hex; empty when not signed.
    """

    domain: str
    version: int
    parent: str
    family: str
    inputs: list[PartitionInputs]
    inputs_hash: str
    clients: int
    active_clients: int
    mean_staleness_versions: float
    policy: RoundPolicy
    settings_hash: str
    code_version: str
    closed_by: str
    reverted: bool
    result_hash: str
    mean_loss: float | None
    expert_losses: list[float | None]
    step_scale: float
    phases_s: dict[str, float]
    written_at_ms: int
    start: str = ""
    marks: list[Mark] = []
    lifted: list[Lift] = []
    repair: Repair | None = None
    checkpoint: str = ""
    dp: DpRound | None = None
    sums: SecureSum | None = None
    key_id: str = ""
    signature: str = ""
    schema_version: str = SCHEMA_VERSION

    def hash(self) -> str:
        """Hex SHA-256 of the entry's canonical JSON."""
        return hashlib.sha256(canonical_json(self)).hexdigest()

    def signed_bytes(self) -> bytes:
        """What the writer signs: the canonical JSON of the entry without its signature."""
        return canonical_json(msgspec.structs.replace(self, signature=""))
