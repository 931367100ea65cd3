"""Did every reader end with what its topics hold, and the log with what was acknowledged?"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from chaos.checks import Check, unequal
from chaos.fold_check import place_of
from chaos.host import hash_of
from scarcity.broker.kafka import latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_msgpack
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.topics import GLOBAL_MEMORY, gossip_topic
from scarcity.events.types import Outgoing, Position


def seen_in(path: Path) -> dict[str, str]:
    """What a reader wrote down; empty when it has not yet."""
    if not path.exists():
        return {}
    told: dict[str, str] = json.loads(path.read_text("utf-8"))
    return told


async def check_gossip(kafka: KafkaSettings, domain: str, hosts: Mapping[str, Path]) -> Check:
    """Each host of a domain holds each peer's latest weights, its own clients' among them."""
    latest = await latest_by_key(kafka, gossip_topic(domain))
    wanted = {
        key.decode(): hash_of(decode_msgpack(record.value, GossipWeights))
        for key, record in latest.items()
    }
    wrong = [f"{n}: {text}" for n, path in hosts.items() for text in unequal(wanted, seen_in(path))]
    name = f"gossip readers of {domain} hold their peers' latest weights"
    return Check(name, len(wanted) * len(hosts), wrong)


async def check_slow_reader(kafka: KafkaSettings, seen: Path) -> Check:
    """The consumer that lagged behind has caught up."""
    latest = await latest_by_key(kafka, GLOBAL_MEMORY)
    wanted = {k.decode(): hashlib.sha256(r.value or b"").hexdigest() for k, r in latest.items()}
    return Check(
        "the slow consumer ends with global-memory", len(wanted), unequal(wanted, seen_in(seen))
    )


def check_receipts(
    receipts: Path, in_log: Iterable[Position], dead_letters: Iterable[Outgoing]
) -> Check:
    """What was acknowledged is there; what was bad was parked, and nothing else was."""
    there = set(in_log)
    parked = {place_of(letter.headers) for letter in dead_letters}
    wrong = []
    lines = receipts.read_text("utf-8").splitlines()
    for line in lines:
        topic, partition, offset, word = line.split()
        place = Position(topic, int(partition), int(offset))
        if place not in there:
            wrong.append(f"{place} was acknowledged and is not there")
        elif word != "either" and (word == "bad") != (place in parked):
            wrong.append(f"{place} was {word} and was {'' if place in parked else 'not '}parked")
    return Check("acknowledged insights are in the log, the bad ones parked", len(lines), wrong)
