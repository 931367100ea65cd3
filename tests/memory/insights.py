"""Insights as clients write them, for the tests of the memory."""

import json
from typing import Any

from scarcity.events.topics import insights_topic
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, SLOPE_SCALE, Position, Record


def expert(loss: float = 0.5, **fields: Any) -> dict[str, Any]:
    return {"loss": loss, "samples": 4, **fields}


def insight(client_id: str = "shop-1", loss: float = 0.5, **fields: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "expert_insights": {name: expert(loss) for name in EXPERT_NAMES},
        "avg_loss": loss,
        "total_samples": 40,
        "domain": "retail",
        **fields,
    }


def slopes(first: int = SLOPE_SCALE) -> list[int]:
    return [first] + [0] * (SLOPE_LENGTH - 1)


def record(
    value: bytes | dict[str, Any] | None,
    offset: int = 0,
    *,
    key: bytes | None = b"shop-1",
    domain: str = "retail",
    partition: int = 0,
    timestamp_ms: int = 1_700_000_000_000,
) -> Record:
    """A record of an insights topic; a mapping is written as JSON under its own client_id."""
    if isinstance(value, dict):
        key = str(value["client_id"]).encode() if key == b"shop-1" else key
        value = json.dumps(value).encode()  # any integer, unlike orjson
    return Record(Position(insights_topic(domain), partition, offset), key, value, timestamp_ms)
