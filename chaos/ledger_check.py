"""Is the ledger one chain, and was each accepted insight used once or superseded?"""

import asyncio
import hashlib
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from chaos.checks import Check
from scarcity.audit.chain import read_chain
from scarcity.audit.inputs import positions
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import LEDGER, META_PARAMETERS
from scarcity.events.types import Position, Record
from scarcity.learning.tensors import from_payload


async def read_ledger(kafka: KafkaSettings) -> list[Record]:
    """All committed records of the ledger."""
    async with KafkaBroker(kafka, "chaos") as broker:
        return await broker.read_all(LEDGER)


def entries_of(ledger: Iterable[Record]) -> list[LedgerEntry]:
    """The entries, in the order of the log."""
    return [decode_json(record.value, LedgerEntry) for record in ledger]


def check_chain(ledger: Sequence[Record]) -> Check:
    """No gap, no fork, nothing out of its order."""
    findings = read_chain(ledger).findings
    return Check("the ledger has no gap and no fork", len(ledger), [str(f) for f in findings])


def neither_used_nor_superseded(
    entries: Iterable[LedgerEntry],
    accepted: Mapping[Position, bytes | None],
    gone: Collection[Position] = (),
) -> list[Position]:
    """Accepted insights that no version used and no newer one of their client superseded.

    Args:
        gone: those of clients that left the memory before they were used.
    """
    used = {place for entry in entries for place in positions(entry)}
    newest = {(at.topic, at.partition, key): at for at, key in accepted.items()}
    return sorted(at for at in newest.values() if at not in used and at not in gone)


def check_use(
    entries: Sequence[LedgerEntry],
    accepted: Mapping[Position, bytes | None],
    gone: Collection[Position] = (),
) -> Check:
    """Each accepted insight once, or superseded; nothing else, and nothing twice."""
    used = Counter(place for entry in entries for place in positions(entry))
    wrong = [f"{at} was used {count} times" for at, count in used.items() if count > 1]
    wrong += [f"{at} was used and had not been accepted" for at in used if at not in accepted]
    left = neither_used_nor_superseded(entries, accepted, gone)
    wrong += [f"{at} was neither used nor superseded" for at in left]
    name = f"accepted insights were used once ({len(used)}) or superseded by a newer one"
    return Check(name, len(accepted), wrong)


async def check_parameters(kafka: KafkaSettings, entries: Sequence[LedgerEntry]) -> Check:
    """What clients read is what the ledger's last entry of their domain tells."""
    newest = {entry.domain: entry for entry in entries}
    latest = await latest_by_key(kafka, META_PARAMETERS)
    wrong = []
    for domain, entry in newest.items():
        record = latest.get(domain.encode())
        told = None if record is None else decode_msgpack(record.value, MetaParameters)
        if told is None or (told.version, told.ledger_hash) != (entry.version, entry.hash()):
            wrong.append(f"{domain}: the ledger ends at version {entry.version}")
        elif _hash(told) != entry.result_hash:
            wrong.append(f"{domain}: other numbers than those of version {entry.version}")
    return Check("meta-parameters = last version of the ledger", len(newest), wrong)


async def check_recomputed(kafka: KafkaSettings, operator_keys: Path | None = None) -> Check:
    """`scarcity audit verify`: every version made again from the insights at its offsets.

    Args:
        operator_keys: of a run with signatures, which are then checked too.
    """
    trust = ("--operator-keys", str(operator_keys), "--require-signed-insights")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "scarcity.cli", "audit", "verify"),
        *("--bootstrap-servers", kafka.bootstrap_servers),
        *(trust if operator_keys is not None else ()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    lines = [line for line in output.decode().splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("versions:")), "")
    count = next((int(word) for word in told.split() if word.isdigit()), 0)
    wrong = [] if process.returncode == 0 else [f"exit code {process.returncode}", *lines]
    return Check("versions recomputed by `scarcity audit verify`", count, wrong)


def _hash(told: MetaParameters) -> str:
    parts = [from_payload(told.w_init), from_payload(told.alpha)]
    z = np.concatenate([*parts, from_payload(told.log_sigma2)[:, None]], axis=1)
    return hashlib.sha256(z.astype("<f8").tobytes()).hexdigest()
