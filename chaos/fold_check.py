"""Is `global-memory` what one undisturbed fold of the logs would have left?

The offline fold is the memory's own core, one record a batch, in one process without a restart. It
also says of each record whether it was accepted, which the check of the ledger needs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.checks import Check, unequal
from scarcity.broker.kafka import KafkaBroker, latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import CREDENTIALS, DEAD_LETTERS, GLOBAL_MEMORY
from scarcity.events.types import Headers, Outgoing, Position, Record
from scarcity.memory.folded_client import source_offset
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.settings import MemorySettings

STAGE = b"memory.admission"


@dataclass
class OfflineFold:
    """What an undisturbed fold makes of the logs.

    Attributes:
        values: by key of `global-memory`: partition and value, as compaction keeps them.
        credentials: likewise, of `credentials`.
        gone: last accepted insights of clients that left the memory: no version need use them.
        accepted: key of each record that was accepted, by position, in the order of the logs.
    """

    values: dict[bytes | None, tuple[int | None, bytes]] = field(default_factory=dict)
    credentials: dict[bytes | None, tuple[int | None, bytes]] = field(default_factory=dict)
    gone: set[Position] = field(default_factory=set)
    dead_letters: list[Outgoing] = field(default_factory=list)
    accepted: dict[Position, bytes | None] = field(default_factory=dict)


async def read_logs(kafka: KafkaSettings, topics: Sequence[str]) -> list[Record]:
    """Everything that lies in the topics, by topic, partition and offset."""
    async with KafkaBroker(kafka, "chaos") as broker:
        return [record for topic in topics for record in await broker.read_all(topic)]


def fold_offline(
    logs: Sequence[Record], partitions: int, settings: MemorySettings | None = None
) -> OfflineFold:
    """Fold the logs.

    Args:
        partitions: of each insights topic.
        settings: of the workers.
    """
    settings = settings or MemorySettings()
    memory = GlobalMemory(settings.max_insights, partitions=partitions, limits=settings.limits)
    offline = OfflineFold()
    newest: dict[bytes | None, tuple[Position]] = {}
    for record in logs:
        changed, dead_letters, credentials = memory.fold([record])
        offline.dead_letters += dead_letters
        for out in credentials:
            offline.credentials.pop(out.key, None)
            if out.value is not None:
                offline.credentials[out.key] = (out.partition, out.value)
        for out in changed:
            if out.value is None:
                offline.values.pop(out.key, None)
                offline.gone.update(newest.pop(out.key, ()))
                continue
            offline.values[out.key] = (out.partition, out.value)
            if source_offset(out.value) == record.position.offset:
                offline.accepted[record.position] = record.key
                newest[out.key] = (record.position,)
    return offline


async def check_fold(kafka: KafkaSettings, offline: OfflineFold) -> list[Check]:
    """Compare `global-memory` and `dead-letters` with the offline fold, record by record."""
    compacted = await latest_by_key(kafka, GLOBAL_MEMORY)
    async with KafkaBroker(kafka, "chaos") as broker:
        letters = await broker.read_all(DEAD_LETTERS)
    found = {key: (r.position.partition, r.value) for key, r in compacted.items()}
    kept = await latest_by_key(kafka, CREDENTIALS)
    remembered = {key: (r.position.partition, r.value) for key, r in kept.items()}
    parked = [_told(r.key, r.value, r.headers) for r in letters]
    wanted = [_told(out.key, out.value, out.headers) for out in offline.dead_letters]
    return [
        Check(
            "global-memory (compacted) = offline fold of the insights logs",
            len(offline.values),
            unequal(offline.values, found),
        ),
        *(
            [
                Check(
                    "credentials of revoked clients = those of the offline fold",
                    len(offline.credentials),
                    unequal(offline.credentials, remembered),
                )
            ]
            if offline.credentials or remembered
            else []
        ),
        Check(
            "dead letters = bad events, each once, byte for byte",
            len(wanted),
            unequal(Counter(wanted), Counter(told for told in parked if told is not None)),
        ),
    ]


def place_of(headers: Headers) -> Position:
    """Where a parked record lay."""
    told = dict(headers)
    partition, offset = int(told["dl_partition"]), int(told["dl_offset"])
    return Position(told["dl_topic"].decode(), partition, offset)


def _told(
    key: bytes | None, value: bytes | None, headers: Headers
) -> tuple[Position, bytes, bytes | None, bytes | None] | None:
    told = dict(headers)
    if told.get("dl_stage") != STAGE:
        return None
    return place_of(headers), told["dl_reason"], key, value
