"""One run of the containers: learn, lose a broker and a memory worker, learn on, compare, stop."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chaos import draining
from chaos.checks import Check
from chaos.compose import CommandError, ComposeSystem
from chaos.fold_check import check_fold, fold_offline, read_logs
from chaos.ledger_check import (
    check_chain,
    check_parameters,
    check_use,
    entries_of,
    neither_used_nor_superseded,
    read_ledger,
)
from scarcity.events.errors import BrokerError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.topics import insights_topic
from scarcity.events.types import Position

DOMAINS: Final = ("economic", "medical", "technology")
CLIENTS: Final = tuple(f"client-{domain}-1" for domain in DOMAINS)
TOPICS: Final = tuple(map(insights_topic, DOMAINS))
PARTITIONS: Final = 3  # of topics.yaml
ROUNDS: Final = 50
KILLED: Final = ("kafka-2-1", "memory-1")
ROUNDS_WITHIN_S: Final = 900.0
REST_WITHIN_S: Final = 180.0
# What is stopped in the end, one after the other: what reads before what it reads from.
STOPPED: Final = ("monitor-1", "gossip-1", "meta-1", "meta-2", "memory-2", "memory-1")


@dataclass(frozen=True)
class ComposeOutcome:
    """What came of a run.

    Attributes:
        figures: measured.
        stops: of each planned stop the seconds and the exit code, by container.
    """

    checks: list[Check]
    figures: dict[str, float]
    stops: dict[str, tuple[float, int]]


async def run(
    system: ComposeSystem, say: Callable[[str], None], rounds: int = ROUNDS
) -> ComposeOutcome:
    """Run once over a system that is up.

    Args:
        rounds: versions of each domain that must be made from now on; a third of them before
            anything is killed.
    """
    # A broker is away on purpose; aiokafka would tell so ten times a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    kafka = system.settings

    async def newest() -> int:
        found = {e.domain: e.version for e in entries_of(await read_ledger(kafka))}
        return min(found.get(domain, 0) for domain in DOMAINS)

    async def made(wanted: int) -> bool:
        try:
            return await newest() >= first + wanted
        except BrokerError:
            return False  # a partition of the lost broker has no leader yet

    async def learn(wanted: int) -> float:
        since = time.monotonic()
        if not await draining.until(lambda: made(wanted), ROUNDS_WITHIN_S):
            raise CommandError(f"not {wanted} rounds a domain within {ROUNDS_WITHIN_S:.0f} s")
        return time.monotonic() - since

    first = await newest()
    before = rounds // 3
    await learn(before)
    say(f"{before} rounds a domain after {time.monotonic() - began:.0f} s")
    killed_at_ms = time.time() * 1000
    await asyncio.gather(*map(system.kill, KILLED))
    say(f"killed {' and '.join(KILLED)}")
    await learn(rounds)
    figures = {"rounds a domain": float(rounds), "seconds": time.monotonic() - began}
    say(f"{rounds} rounds a domain after {figures['seconds']:.0f} s, without them")
    made_at_ms = [record.timestamp_ms for record in await read_ledger(kafka)]
    figures["longest pause, s"] = longest_pause_s(made_at_ms, killed_at_ms, time.time() * 1000)
    await asyncio.gather(*map(system.start_again, KILLED))
    await system.become_healthy()
    say(f"started {' and '.join(KILLED)} again")
    checks, stops = await _rest_and_compare(system, say)
    for name in STOPPED:
        stops[name] = await system.stop(name)
    figures["longest planned stop, s"] = max(seconds for seconds, _ in stops.values())
    return ComposeOutcome(checks, figures, stops)


def longest_pause_s(made_at_ms: Sequence[float], since_ms: float, until_ms: float) -> float:
    """The longest time without a version of any domain between two moments.

    >>> longest_pause_s([1_000, 4_000, 9_000], 2_000, 10_000)
    5.0
    """
    times = [since_ms, *(t for t in made_at_ms if since_ms <= t <= until_ms), until_ms]
    return max(b - a for a, b in pairwise(times)) / 1000


def too_few(entries: Sequence[LedgerEntry], left: Sequence[Position]) -> list[Position]:
    """Insights of domains in which fewer than a round's least number of clients are left."""
    least = {insights_topic(e.domain): e.policy.min_clients for e in entries}
    count = Counter(at.topic for at in left)
    return [at for at in left if count[at.topic] < least.get(at.topic, 0)]


async def _rest_and_compare(
    system: ComposeSystem, say: Callable[[str], None]
) -> tuple[list[Check], dict[str, tuple[float, int]]]:
    kafka = system.settings
    stops = {name: await system.stop(name) for name in CLIENTS}
    say("clients left")

    async def folded() -> bool:
        return not await draining.lag(kafka, TOPICS, PARTITIONS)

    await draining.until(folded, REST_WITHIN_S)
    left = await draining.lag(kafka, TOPICS, PARTITIONS)
    logs = await read_logs(kafka, TOPICS)
    offline = fold_offline(logs, PARTITIONS, system.memory_settings)
    say(f"{len(logs)} insights are folded, lag {left}")

    async def used() -> bool:
        entries = entries_of(await read_ledger(kafka))
        left = neither_used_nor_superseded(entries, offline.accepted)
        return len(left) == len(too_few(entries, left))

    await draining.until(used, REST_WITHIN_S)
    ledger = await read_ledger(kafka)
    entries = entries_of(ledger)
    waiting = too_few(entries, neither_used_nor_superseded(entries, offline.accepted))
    say(f"{len(entries)} versions; {len(waiting)} insights wait for more clients")
    checks = [
        Check("the fold ends with lag 0", len(logs), [f"lag {left}"] if left else []),
        *await check_fold(kafka, offline),
        check_chain(ledger),
        check_use(entries, offline.accepted, waiting),
        await check_parameters(kafka, entries),
        await _check_verified(system),
    ]
    return checks, stops


async def _check_verified(system: ComposeSystem) -> Check:
    """`scarcity audit verify` in the operator's container."""
    name = "versions recomputed by `scarcity audit verify` in a container"
    senders = ("--operator-keys", "/run/secrets/operator-keys", "--require-signed-insights")
    try:
        told = await system.tool("audit", "verify", *(senders if system.secure else ()))
    except CommandError as error:
        return Check(name, 0, [str(error)])
    line = next((line for line in told.splitlines() if line.startswith("versions:")), "")
    return Check(name, next((int(word) for word in line.split() if word.isdigit()), 0))
