"""Records as rows of tables, for other people's tools. Pure; one table a kind of fact.

A column's meaning is that of the event's field (schemas/); `at_ms` is the record's timestamp, ms
since 1970, and partition and offset say where it lies.
"""

from typing import Any, Final

import msgspec

from scarcity.dead_letters.letter import Letter
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import decode_json
from scarcity.events.evaluation import Evaluation
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.topics import CLIENTS, DEAD_LETTERS, EVALUATIONS, INSIGHTS_PREFIX, LEDGER
from scarcity.events.types import Record

# Column names and kinds: text, int, float, bool, floats (a list).
Columns = dict[str, str]
_PLACE: Final[Columns] = {"at_ms": "int", "partition": "int", "offset": "int"}

TABLES: Final[dict[str, Columns]] = {
    "insights": {
        **_PLACE,
        "domain": "text",
        "client_id": "text",
        "sequence": "int",
        "meta_version": "int",
        "avg_loss": "float",
        "total_samples": "int",
        "expert_losses": "floats",
        "has_slopes": "bool",
        "epsilon": "float",
    },
    "rounds": {
        **_PLACE,
        "domain": "text",
        "version": "int",
        "family": "text",
        "clients": "int",
        "active_clients": "int",
        "mean_loss": "float",
        "expert_losses": "floats",
        "mean_staleness_versions": "float",
        "step_scale": "float",
        "closed_by": "text",
        "reverted": "bool",
        "gossip_s": "float",
        "collection_s": "float",
        "processing_s": "float",
        "broadcast_s": "float",
        "training_s": "float",
        "epsilon": "float",
        "marked": "int",
        "result_hash": "text",
    },
    "evaluations": {
        **_PLACE,
        "domain": "text",
        "version": "int",
        "clients": "int",
        "routed": "float",
        "uniform": "float",
        "own_ridge": "float",
        "own_mean": "float",
        "expert_errors": "floats",
        "routing": "floats",
    },
    "clients": {
        **_PLACE,
        "domain": "text",
        "client_id": "text",
        "rows": "int",
        "limit_reached": "text",
    },
    "dead_letters": {
        **_PLACE,
        "reason": "text",
        "message": "text",
        "stage": "text",
        "source": "text",
        "domain": "text",
        "client_id": "text",
        "value_bytes": "int",
        "preview": "text",
    },
}
PHASES: Final = ("gossip", "collection", "processing", "broadcast", "training")


def row_of(record: Record) -> tuple[str, dict[str, Any]] | None:
    """Table and row of a record; None when it belongs to none, or is a tombstone.

    Raises:
        EventError: it does not decode.
    """
    topic = record.position.topic
    place = {
        "at_ms": record.timestamp_ms,
        "partition": record.position.partition,
        "offset": record.position.offset,
    }
    if topic == DEAD_LETTERS:
        return "dead_letters", place | _letter(Letter.of(record))
    if record.value is None:
        return None
    if topic.startswith(INSIGHTS_PREFIX):
        return "insights", place | _insight(decode_json(record.value, Insight))
    if topic == LEDGER:
        return "rounds", place | _round(decode_json(record.value, LedgerEntry))
    if topic == EVALUATIONS:
        event = msgspec.structs.asdict(decode_json(record.value, Evaluation))
        return "evaluations", place | _some(event, TABLES["evaluations"])
    if topic == CLIENTS:
        event = msgspec.structs.asdict(decode_json(record.value, ClientRegistered))
        return "clients", place | _some(event, TABLES["clients"])
    return None


def _some(event: dict[str, Any], columns: Columns) -> dict[str, Any]:
    return {name: event[name] for name in columns if name in event}


def _insight(event: Insight) -> dict[str, Any]:
    experts = event.expert_insights
    return {
        **_some(msgspec.structs.asdict(event), TABLES["insights"]),
        "expert_losses": [experts[name].loss for name in sorted(experts)],
        "has_slopes": any(told.slopes for told in experts.values()),
    }


def _round(entry: LedgerEntry) -> dict[str, Any]:
    return {
        **_some(msgspec.structs.asdict(entry), TABLES["rounds"]),
        **{f"{phase}_s": entry.phases_s.get(phase) for phase in PHASES},
        "epsilon": entry.dp.epsilon if entry.dp else None,
        "marked": len(entry.marks),
    }


def _letter(letter: Letter) -> dict[str, Any]:
    return {
        "reason": letter.reason,
        "message": letter.message,
        "stage": letter.stage,
        "source": str(letter.source) if letter.source else None,
        "domain": letter.domain,
        "client_id": letter.client,
        "value_bytes": None if letter.value is None else len(letter.value),
        "preview": letter.preview(),
    }
