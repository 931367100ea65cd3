"""Did every reader end with what its topics hold, and the log with what was acknowledged?"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from chaos.checks import Check, unequal
from chaos.fold_check import place_of
from chaos.host import hash_of, keys_of
from scarcity.broker.kafka import latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.codec import decode_msgpack
from scarcity.events.gossip_weights import GossipWeights, SealedDeviation
from scarcity.events.topics import GLOBAL_MEMORY, gossip_topic
from scarcity.events.types import Outgoing, Position


def seen_in(path: Path) -> dict[str, str]:
    """What a reader wrote down; empty when it has not yet."""
    if not path.exists():
        return {}
    told: dict[str, str] = json.loads(path.read_text("utf-8"))
    return told


async def check_gossip(kafka: KafkaSettings, domain: str, hosts: Mapping[str, Path]) -> Check:
    """Each host of a domain holds the latest weights of each peer that sealed them for one of its
    clients: those of other groups it cannot open, and passes over.
    """
    latest = {
        key.decode(): decode_msgpack(record.value, GossipWeights)
        for key, record in (await latest_by_key(kafka, gossip_topic(domain))).items()
    }
    compared, wrong = 0, []
    for name, path in hosts.items():
        begins = name.removeprefix("clients-") + "-"
        own = {keys_of(c, domain).exchange.key_id for c in latest if c.startswith(begins)}
        wanted = {c: hash_of(weights) for c, weights in latest.items() if _opens(weights, own)}
        found = {c: told for c, told in seen_in(path).items() if c in wanted}
        compared += len(wanted)
        wrong += [f"{name}: {text}" for text in unequal(wanted, found)]
    return Check(f"gossip readers of {domain} hold their peers' latest weights", compared, wrong)


def _opens(weights: GossipWeights, own: set[bytes]) -> bool:
    sealed = decode_msgpack(weights.payload, SealedDeviation)
    return any(wrap.key_id in own for wrap in sealed.wraps)


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
