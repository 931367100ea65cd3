"""A version of a domain in privacy mode `secagg`, made again from its members' messages."""

from collections.abc import Collection

from scarcity.audit.inputs import InsightIndex, MissingInputError
from scarcity.audit.steps import LostError
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.secure_sum import SecureSum
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.learning.sum_layout import SumError
from scarcity.meta.recompute import Version
from scarcity.meta.summed_versions import Named, next_summed_version, opened_again, sum_inputs
from scarcity.secagg.opening import OpeningError


def summed_again(
    entry: LedgerEntry,
    told: SecureSum,
    engine: OnlineMAMLEngine,
    before: DomainState,
    family: FamilyState,
    index: InsightIndex,
    without: Collection[str],
    marked: Collection[str],
) -> Version:
    """Make the version of an entry again.

    Args:
        index: holds the messages that the entry names.
        without: clients that are to be left out: a sum cannot be told without one of its terms.
        marked: clients that do not count; none may be in the sum.

    Raises:
        LostError: it cannot be; a fault where the messages are not those that it was made of.
    """
    name = f"{entry.domain}@{entry.version}"
    try:
        records = index.used_by(entry)
    except MissingInputError as error:
        raise LostError(str(error), fault=not error.expired) from None
    senders = sorted({(record.key or b"").decode(errors="replace") for record in records})
    if out := [client for client in senders if client in without]:
        raise LostError(
            f"{name} is a secure sum: what it would be without {out[0]} nobody can tell"
        )
    if wrong := [client for client in senders if client in marked]:
        raise LostError(f"{name} has a term of {wrong[0]!r}, which is marked", fault=True)
    _, inputs_hash = sum_inputs(map(Named.of, records))
    if inputs_hash != entry.inputs_hash:
        raise LostError(
            f"inputs_hash: the ledger says {entry.inputs_hash}, recomputed {inputs_hash}",
            fault=True,
        )
    try:
        summed = opened_again(entry.domain, told, records)
    except (EventError, OpeningError, SumError) as error:
        raise LostError(f"the messages of {name} open no sum: {error}", fault=True) from None
    if summed.clients != entry.clients:
        raise LostError(
            f"clients: the ledger says {entry.clients}, recomputed {summed.clients}", fault=True
        )
    return next_summed_version(engine, entry.domain, before, family, summed)
