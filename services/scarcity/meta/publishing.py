"""What a version publishes: parameters, states and its line of the ledger, in one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from scarcity.events.codec import encode_json, encode_msgpack
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.headers import JSON_TYPE, MSGPACK_TYPE, event_headers
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import DOMAINS, LEDGER, META_PARAMETERS, META_STATE
from scarcity.events.types import FEATURE_COUNT, Outgoing
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.learning.tensors import to_payload
from scarcity.meta.checkpoints import checkpoint_records
from scarcity.meta.state_codec import (
    WRITER_KEY,
    KeptDomain,
    encode_domain,
    encode_family,
)

SOURCE = "/services/meta"


@dataclass(frozen=True)
class Publication:
    """Records that belong together: all of them become visible, or none.

    Attributes:
        entry: the version's line of the ledger; None when there is no new version.
        about: what else is in it, for a log.
    """

    domain: str
    outgoing: tuple[Outgoing, ...]
    entry: LedgerEntry | None = None
    about: str = "its profile was completed"

    def describe(self) -> str:
        """One line for a log."""
        if self.entry is None:
            return f"domain {self.domain}: {self.about}"
        entry = self.entry
        loss = "" if entry.mean_loss is None else f", mean loss {entry.mean_loss:.6g}"
        told = ", the step before was taken back" if entry.reverted else ""
        marked = ", ".join(f"{mark.client_id} ({mark.by})" for mark in entry.marks[:5])
        more = "…" if len(entry.marks) > 5 else ""
        told += f"; counts no more: {marked}{more}" if marked else ""
        return (
            f"domain {self.domain}: version {entry.version} closed by {entry.closed_by} "
            f"({entry.clients} of {entry.active_clients} active clients{loss}{told})"
        )


@dataclass(frozen=True)
class Chain:
    """The ledger's end: hash of its last entry (empty before the first) and number of entries.

    ``checkpoint_length``: their number at the last checkpoint.
    """

    last_hash: str = ""
    length: int = 0
    checkpoint_length: int = 0

    def after(self, entry: LedgerEntry) -> "Chain":
        """The chain with one more entry."""
        length = self.length + 1
        return Chain(entry.hash(), length, length if entry.checkpoint else self.checkpoint_length)


def profile_record(profile: DomainProfile, at_ms: int) -> Outgoing:
    """A completed profile for `domains`."""
    headers = _headers("DomainProfile", f"{profile.domain}/{at_ms}", at_ms, JSON_TYPE)
    return Outgoing(DOMAINS, profile.domain.encode(), encode_json(profile), headers)


def version_records(
    entry: LedgerEntry,
    kept: KeptDomain,
    family: FamilyState,
    chain: Chain,
    newest_source_ms: int,
    checkpoint: Iterable[MetaState] = (),
) -> tuple[Outgoing, ...]:
    """Records of a version.

    Args:
        entry: the version's line of the ledger; ``chain`` ends with it.
        kept, family: states after this version.
        newest_source_ms: newest record timestamp among the insights used.
        checkpoint: states whose hash the entry holds, if any.
    """
    domain, at_ms = entry.domain, entry.written_at_ms
    event_id = f"{domain}/{entry.version}"
    parameters = parameters_of(kept.state, entry, chain.last_hash, newest_source_ms)
    states = (
        encode_domain(domain, kept, chain.last_hash),
        encode_family(kept.family, family),
        MetaState(
            WRITER_KEY,
            ledger_hash=chain.last_hash,
            ledger_length=chain.length,
            checkpoint_length=chain.checkpoint_length,
        ),
    )
    return (
        Outgoing(
            META_PARAMETERS,
            domain.encode(),
            encode_msgpack(parameters),
            _headers("MetaParameters", event_id, at_ms, MSGPACK_TYPE),
        ),
        *(_state_record(state, f"{event_id}/{state.key}", at_ms) for state in states),
        Outgoing(
            LEDGER,
            domain.encode(),
            encode_json(entry),
            _headers("LedgerEntry", event_id, at_ms, JSON_TYPE),
        ),
        *checkpoint_records(checkpoint, chain.length, source=SOURCE, at_ms=at_ms),
    )


def parameters_of(
    state: DomainState, entry: LedgerEntry, ledger_hash: str, newest_source_ms: int
) -> MetaParameters:
    """A state's parameters as the clients read them."""
    theta, log_lambda, log_sigma2 = np.split(state.z, [FEATURE_COUNT, 2 * FEATURE_COUNT], axis=1)
    starts: Mapping[str, np.ndarray[tuple[int, ...]]] = state.candidates
    return MetaParameters(
        domain=entry.domain,
        version=state.version,
        family=entry.family,
        w_init=to_payload(theta),
        alpha=to_payload(log_lambda),
        log_sigma2=to_payload(log_sigma2[:, 0]),
        domain_losses=to_payload(state.domain_losses),
        start_losses=to_payload(state.start_losses),
        candidates={name: to_payload(z) for name, z in starts.items()} or None,
        ledger_hash=ledger_hash,
        newest_source_ms=newest_source_ms,
    )


def _state_record(state: MetaState, event_id: str, at_ms: int) -> Outgoing:
    headers = _headers("MetaState", event_id, at_ms, MSGPACK_TYPE)
    return Outgoing(META_STATE, state.key.encode(), encode_msgpack(state), headers)


def _headers(kind: str, event_id: str, at_ms: int, content: bytes) -> tuple[tuple[str, bytes], ...]:
    return event_headers(kind, source=SOURCE, event_id=event_id, at_ms=at_ms, content_type=content)
