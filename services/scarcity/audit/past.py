"""The state of memory and of the meta-parameters as it was, from the topics alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from scarcity.audit.chain import Chain, Link, read_chain
from scarcity.audit.inputs import positions
from scarcity.audit.log import AuditLog, Partition
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Moment, VersionName, find
from scarcity.audit.steps import needed
from scarcity.events.errors import InputError
from scarcity.events.types import FEATURE_COUNT, Record
from scarcity.learning.online_maml import DomainState
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.settings import MemorySettings

FOLD_RECORDS = 4_000


@dataclass(frozen=True)
class PastDomain:
    """A domain then; ``state`` None: it can no longer be made again, ``lost`` says why.

    ``is_equal``: the state has the hash that the ledger tells.
    """

    link: Link
    state: DomainState | None
    is_equal: bool
    lost: str = ""


@dataclass(frozen=True)
class PastState:
    """Everything then.

    Attributes:
        ledger_length, ledger_hash: entries up to then, and the hash of the last.
        memory: None when the log does not hold all insights.
        folded: insights records folded.
        began_late: insights partitions whose beginning retention has taken: counts start there.
    """

    as_of: str
    ledger_length: int
    ledger_hash: str
    domains: dict[str, PastDomain]
    memory: GlobalMemory | None
    folded: int
    began_late: dict[Partition, int]


def past_state(
    log: AuditLog,
    as_of: VersionName | Moment,
    rules: KnownRules,
    memory_settings: MemorySettings,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> PastState:
    """Go back.

    Args:
        as_of: a version: right after it was made, with the memory of the insights that lie at or
            below the highest offsets used by then. A time: entries written and insights recorded
            until then.
        memory_settings: as the memory workers have them.

    Raises:
        InputError: the ledger does not hold the version, or nothing was written by then.
    """
    chain = read_chain(log.ledger, log.head)
    last = find(chain, as_of) if isinstance(as_of, VersionName) else _last_by(chain, as_of)
    then = chain.links[: last + 1]
    wanted = needed(then, {link.entry.domain for link in then}, last)
    replay = Replay(log, rules, wanted)
    domains: dict[str, PastDomain] = {}
    for done, link in enumerate(wanted, 1):
        step = replay.step(link)
        version = step.version
        equal = version is not None and version.result_hash == link.entry.result_hash
        state = None if version is None else version.domain
        domains[link.entry.domain] = PastDomain(link, state, equal, step.lost)
        on_step(done, len(wanted))
    memory, folded = None, 0
    if log.is_whole:
        memory = GlobalMemory(memory_settings.max_insights, limits=memory_settings.limits)
        folded = _fold(memory, _insights_until(log, then, as_of))
    late = {where: first for where, first in sorted(log.first_offsets.items()) if first}
    return PastState(str(as_of), last + 1, then[-1].hash, domains, memory, folded, late)


def to_document(past: PastState) -> dict[str, Any]:
    """The state as plain values, for a JSON file."""
    return {
        "as_of": past.as_of,
        "ledger": {"length": past.ledger_length, "hash": past.ledger_hash},
        "meta_parameters": {name: _document(d) for name, d in sorted(past.domains.items())},
        "memory": None if past.memory is None else {
            domain: [msgspec.to_builtins(client) for client in past.memory.by_domain(domain)]
            for domain in past.memory.domains
        },
    }  # fmt: skip


def _document(domain: PastDomain) -> dict[str, Any]:
    entry = domain.link.entry
    told: dict[str, Any] = {
        "version": entry.version,
        "family": entry.family,
        "ledger_hash": domain.link.hash,
        "result_hash": entry.result_hash,
        "recomputed_equal": domain.is_equal,
    }
    if domain.state is None:
        return {**told, "lost": domain.lost}
    theta, log_lambda, log_sigma2 = np.split(
        domain.state.z, [FEATURE_COUNT, 2 * FEATURE_COUNT], axis=1
    )
    return {
        **told,
        "w_init": theta.tolist(),
        "alpha": log_lambda.tolist(),
        "log_sigma2": log_sigma2[:, 0].tolist(),
        "domain_losses": domain.state.domain_losses.tolist(),
    }


def _last_by(chain: Chain, moment: Moment) -> int:
    found = [at for at, link in enumerate(chain.links) if link.entry.written_at_ms <= moment.at_ms]
    if not found:
        first = chain.links[0].entry.written_at_ms if chain.links else None
        told = "is empty" if first is None else f"begins at {Moment(first)}"
        raise InputError(f"nothing was written by {moment}: the ledger {told}")
    return found[-1]


def _insights_until(
    log: AuditLog, then: tuple[Link, ...], as_of: VersionName | Moment
) -> list[Record]:
    records = [record for found in log.insights.values() for record in found]
    if isinstance(as_of, Moment):
        return [record for record in records if record.timestamp_ms <= as_of.at_ms]
    used: dict[Partition, int] = {}
    for link in then:
        for topic, partition, offset in positions(link.entry):
            used[topic, partition] = max(offset, used.get((topic, partition), -1))
    return [r for r in records if r.position.offset <= used.get(r.position[:2], -1)]


def _fold(memory: GlobalMemory, records: list[Record]) -> int:
    for start in range(0, len(records), FOLD_RECORDS):
        memory.fold(records[start : start + FOLD_RECORDS])
    return len(records)
