"""All keys, in the order of the table. A key that is not here may not be read (tests say so)."""

from collections.abc import Mapping
from typing import Final

from scarcity.configuration import (
    broker_keys,
    dashboard_keys,
    process_keys,
    service_keys,
    signature_keys,
)
from scarcity.configuration.key import Key

# Title of a part of the table, and its keys.
PARTS: Final[Mapping[str, tuple[Key, ...]]] = {
    "Every process": process_keys.KEYS,
    "The broker": broker_keys.KEYS,
    "Signatures": signature_keys.KEYS,
    "memory": service_keys.MEMORY_KEYS,
    "meta": service_keys.META_KEYS,
    "gossip": service_keys.GOSSIP_KEYS,
    "monitor": service_keys.MONITOR_KEYS,
    "dashboard": dashboard_keys.KEYS,
}

KEYS: Final[Mapping[str, Key]] = {key.name: key for part in PARTS.values() for key in part}
