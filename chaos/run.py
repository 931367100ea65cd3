"""One run: start everything, hurt it by the plan, let it come to rest, compare."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos import draining
from chaos.checks import Check
from chaos.cluster import Cluster, Shape
from chaos.domains import DOMAINS
from chaos.faults import Dose, draw_plan
from chaos.fold_check import check_fold, fold_offline, read_logs
from chaos.inflicting import Inflictor
from chaos.ledger_check import (
    check_chain,
    check_parameters,
    check_recomputed,
    check_use,
    entries_of,
    neither_used_nor_superseded,
    read_ledger,
)
from chaos.reader_check import check_gossip, check_receipts, check_slow_reader
from scarcity.events.topics import insights_topic

PARTITIONS: Final = 3  # of topics.yaml
TOPICS: Final = tuple(map(insights_topic, DOMAINS))
STAY_S: Final = 15.0
START_WITHIN_S: Final = 60.0
REST_WITHIN_S: Final = 120.0
READERS: Final = ("reader-1",)


@dataclass(frozen=True)
class Outcome:
    """What came of a run: what was done to it, and what was compared at the end."""

    checks: list[Check]
    summary: list[str]


async def run(
    shape: Shape,
    dose: Dose,
    *,
    seed: int,
    seconds: float,
    directory: Path,
    say: Callable[[str], None],
) -> Outcome:
    """Run once.

    Args:
        seconds: length of the disturbed part.
        directory: for logs, the broker's data and what readers have seen.
    """
    began = time.monotonic()
    async with Cluster(shape, directory, seed) as cluster:
        await cluster.start()
        say(f"{len(cluster.children)} processes and a broker; logs in {directory}")
        if not await draining.until(lambda: _is_going(cluster), START_WITHIN_S):
            return Outcome([Check("the system came up", 1, ["no version was made"])], [])
        kinds = ("memory", "meta", "gossip", "clients", "monitor")
        processes = {kind: cluster.names(kind) for kind in kinds}
        kills = {kind: count for kind, count in dose.kills.items() if processes[kind]}
        plan = draw_plan(seed, Dose(kills, dose.others), processes, seconds, STAY_S)
        inflictor = Inflictor(cluster, say)
        say(f"up after {time.monotonic() - began:.0f} s; {len(plan)} faults in {seconds:.0f} s")
        await inflictor.run(plan)
        say(f"disturbed for {time.monotonic() - began:.0f} s; coming to rest")
        checks = await _rest_and_compare(cluster, say)
        forced = sum(child.kills for child in cluster.children.values())
        forced += sum(n for kind, n in inflictor.done.items() if kind.name == "BROKER_KILL")
        summary = [f"{count:3d} x {kind}" for kind, count in sorted(inflictor.done.items())]
        summary.append(f"{forced:3d} x kill -9 in all")
        summary += [
            f"{name} ended by itself {len(child.ends)} times, exit codes {child.ends}"
            for name, child in cluster.children.items()
            if child.ends
        ]
        summary.append(f"took {time.monotonic() - began:.0f} s")
        return Outcome(checks, summary)


async def _is_going(cluster: Cluster) -> bool:
    """Both domains have heard a round."""
    if not cluster.receipts.exists():
        return False
    entries = entries_of(await read_ledger(cluster.settings))
    return {e.domain for e in entries if e.version} == set(DOMAINS)


async def _rest_and_compare(cluster: Cluster, say: Callable[[str], None]) -> list[Check]:
    kafka = cluster.settings
    hosts = {
        domain: {
            name: cluster.seen_file(name)
            for name in cluster.names("clients")
            if name.startswith(f"clients-{domain}-")
        }
        for domain in DOMAINS
    }

    async def gossip() -> list[Check]:
        return [await check_gossip(kafka, domain, hosts[domain]) for domain in DOMAINS]

    async def gossiped() -> bool:
        return all(check.compared for check in await gossip())

    async def gossip_rests() -> bool:
        return not any(check.wrong for check in await gossip())

    async def folded() -> bool:
        return not await draining.lag(kafka, TOPICS, PARTITIONS)

    await draining.until(gossiped, REST_WITHIN_S)  # a busy machine may not have come to it
    await cluster.leave([*cluster.names("generator"), *cluster.names("gossip")])
    await draining.until(gossip_rests, REST_WITHIN_S)
    readers = await gossip()
    await cluster.leave(cluster.names("clients"))
    say("gossip rests, clients left")
    await draining.until(folded, REST_WITHIN_S)
    left = await draining.lag(kafka, TOPICS, PARTITIONS)
    logs = await read_logs(kafka, TOPICS)
    offline = fold_offline(logs, PARTITIONS, cluster.memory_settings)
    say(f"{len(logs)} insights are folded, lag {left}")

    async def used() -> bool:
        entries = entries_of(await read_ledger(kafka))
        return not neither_used_nor_superseded(entries, offline.accepted, offline.gone)

    async def reader_rests() -> bool:
        return not (await check_slow_reader(kafka, cluster.seen_file("reader-1"))).wrong

    await draining.until(used, REST_WITHIN_S)
    await draining.until(reader_rests, REST_WITHIN_S)
    slow = await check_slow_reader(kafka, cluster.seen_file("reader-1"))
    await cluster.leave([name for name in cluster.children if name not in READERS])
    ledger = await read_ledger(kafka)
    entries = entries_of(ledger)
    say(f"all insights are used; {len(entries)} versions")
    return [
        Check("the fold ends with lag 0", len(logs), [f"lag {left}"] if left else []),
        *await check_fold(kafka, offline),
        check_receipts(
            cluster.receipts, (record.position for record in logs), offline.dead_letters
        ),
        check_chain(ledger),
        check_use(entries, offline.accepted, offline.gone),
        await check_parameters(kafka, entries),
        await check_recomputed(kafka, cluster.operator_keys),
        *readers,
        slow,
    ]
