"""Versions of domains in privacy mode `secagg`: one computation for the meta-learner and its audit.

As meta/recompute.py, from the sum of a round's terms. What the ledger tells of it
(:class:`SecureSum`) and the messages that the entry names are enough to open it again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from scarcity.events.codec import decode_msgpack
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.ledger_entry import PartitionInputs
from scarcity.events.secure_sum import SecureSum
from scarcity.events.secure_term import SecureTerm
from scarcity.events.types import EXPERT_COUNT, Position, Record
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.learning.sum_layout import SumLayout, Summed
from scarcity.learning.summed_round import update_summed
from scarcity.meta.recompute import Version
from scarcity.secagg.opening import open_sum

MAX_NAME_BYTES: Final = 256  # as the memory takes them


class Named(NamedTuple):
    """A message that a version is made of, by where it lies; ``digest``: SHA-256 of its bytes."""

    position: Position
    digest: bytes

    @classmethod
    def of(cls, record: Record) -> "Named":
        """Of a record."""
        return cls(record.position, hashlib.sha256(record.value or b"").digest())


def layout_of(profile: DomainProfile) -> SumLayout:
    """How the terms of a domain's members are laid out."""
    return SumLayout(profile.expert_numbers, profile.slope_clip, profile.sum_rules.loss_clip)


def sum_inputs(messages: Iterable[Named]) -> tuple[list[PartitionInputs], str]:
    """Where a sum's messages lie, and the hex SHA-256 over their digests, as they lie."""
    digest, offsets = hashlib.sha256(), defaultdict[int, list[int]](list)
    for one in sorted(messages, key=lambda m: (m.position.partition, m.position.offset)):
        offsets[one.position.partition].append(one.position.offset)
        digest.update(one.digest)
    return [PartitionInputs.of(p, offsets[p]) for p in sorted(offsets)], digest.hexdigest()


def decode_term(record: Record, domain: str) -> SecureTerm:
    """A message of `secagg-terms.<domain>`.

    Raises:
        EventError: it is none, or of another domain or key.
    """
    term = decode_msgpack(record.value, SecureTerm)
    check_origin(record, term.domain, term.client_id, domain)
    return term


def check_origin(record: Record, named: str, client_id: str, domain: str) -> None:
    """Refuse a message of another domain than its topic's, or of another client than its key's.

    Raises:
        EventError: it is.
    """
    if named != domain:
        raise EventError(Reason.WRONG_DOMAIN, f"the topic is of {domain}, the message of {named}")
    if record.key != client_id.encode() or len(record.key) > MAX_NAME_BYTES:
        raise EventError(
            Reason.WRONG_KEY,
            f"the key is {(record.key or b'')[:64]!r}, the sender {client_id[:64]!r}",
        )


def opened_again(domain: str, told: SecureSum, records: Sequence[Record]) -> Summed:
    """The sum of a version, from the records that its entry names.

    Raises:
        EventError: a record is no message of the round.
        OpeningError: they open no sum.
        SumError: the sum is none that members can have made.
    """
    terms = [decode_term(record, domain) for record in records]
    if any(term.round != told.round for term in terms):
        raise EventError(Reason.MALFORMED, f"a message is not of round {told.round}")
    masked, revealed = (
        {term.client_id: term for term in terms if term.stage == stage}
        for stage in ("masked", "revealed")
    )
    experts = told.experts or tuple(range(EXPERT_COUNT))
    layout = SumLayout(experts, told.slope_clip, told.loss_clip)
    return layout.read(open_sum(domain, told, masked, revealed), len(masked))


def next_summed_version(
    engine: OnlineMAMLEngine, domain: str, state: DomainState, family: FamilyState, told: Summed
) -> Version:
    """Make the version after ``state``."""
    return Version(*update_summed(engine, domain, state, family, told))
