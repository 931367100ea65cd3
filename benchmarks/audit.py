"""How fast an audit makes versions again: rounds of 100 clients, ten experts with slopes.

    python -m benchmarks.audit [--rows 'verify']

The ledger is made by the meta-learner's own core over the in-process log; insights are random, of
the size of real ones (2 KiB). One core; the garbage collector is off, as the command has it. Each
figure is the median of three. Seconds are of the processor, so that a busy machine does not count.
"""

import asyncio
import gc
import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import median
from time import process_time

from benchmarks.latency import insight
from benchmarks.tables import Figures, Row, Table, Target, main
from scarcity import __version__
from scarcity.audit.bisecting import bisect_checkpoints
from scarcity.audit.explanation import explain
from scarcity.audit.log import AuditLog, read_log
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, VersionName
from scarcity.audit.signatures import Trust
from scarcity.audit.verification import verify
from scarcity.events.codec import encode_json
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.topics import CHECKPOINTS, DOMAINS, LEDGER, insights_topic
from scarcity.events.types import Outgoing
from scarcity.keys.signing import SigningKey, TrustedKeys
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.simulation.log import MemoryLog

DOMAIN = "bench"
KEY = SigningKey(bytes(32))
CLIENTS = 100
REPETITIONS = 3


@lru_cache(maxsize=2)
def make_log(rounds: int, quarantine: float = 0.0) -> AuditLog:
    """A signed ledger of so many rounds, with a checkpoint every 100 versions."""
    now_ms = [1_700_000_000_000]
    log = MemoryLog(now_ms=lambda: now_ms[0])
    memory, draw = GlobalMemory(), random.Random(0)
    meta = MetaCoordinator(
        OnlineMAMLEngine(), lambda: 0.0, __version__, signing=KEY, checkpoint_versions=100
    )
    policy = RoundPolicy(min_clients=CLIENTS, quorum=1.0, quarantine=quarantine)
    columns = tuple(Column(f"x{i}", 0.0, 1.0) for i in range(5))
    profile = DomainProfile(DOMAIN, "f", columns, Column("y", 0.0, 1.0), policy=policy)
    meta.observe(log.append(Outgoing(DOMAINS, DOMAIN.encode(), encode_json(profile))))
    for number in range(rounds + 1):
        now_ms[0] += 1_000
        for client in range(CLIENTS) if number else ():
            told = insight(draw, client, number, number - 1)
            raw = Outgoing(insights_topic(DOMAIN), told.client_id.encode(), encode_json(told))
            for changed in memory.fold([log.append(raw)]).changed:
                meta.observe(log.append(changed))
        for publication in meta.advance(now_ms[0]):
            for out in publication.outgoing:
                one = out.topic in (LEDGER, CHECKPOINTS)
                log.append(out._replace(partition=0) if one else out)
    return asyncio.run(read_log(log))


def timed(run: Callable[[], int]) -> Figures:
    """Versions a second; ``run`` returns how many it made."""
    gc.collect()
    gc.disable()
    speeds = []
    try:
        for _ in range(REPETITIONS):
            begun = process_time()
            made = run()
            speeds.append(made / (process_time() - begun))
    finally:
        gc.enable()
    return {"versions/s": median(speeds), "slowest": min(speeds), "fastest": max(speeds)}


def verified(*, quarantine: float = 0.0, keys: bool = True) -> Callable[[bool], Figures]:
    """Verify all of a ledger."""

    def run(quick: bool) -> Figures:
        log = make_log(60 if quick else 400, quarantine)
        trust = Trust(TrustedKeys([KEY.public])) if keys else Trust()

        def once() -> int:
            report = verify(log, Selection(), KnownRules(), trust=trust)
            if not (report.is_sound and report.is_complete):
                raise RuntimeError(f"the benchmark's own ledger does not hold: {report.findings}")
            return report.equal

        return timed(once)

    return run


def _seconds(run: Callable[[], object]) -> float:
    begun = process_time()
    run()
    return process_time() - begun


def short_ways(quick: bool) -> Figures:
    """What a checkpoint saves."""
    log, rules = make_log(120 if quick else 400), KnownRules()
    last = VersionName(DOMAIN, 110 if quick else 390)
    ways: Mapping[str, Callable[[], object]] = {
        "explain, s": lambda: explain(log, last, rules),
        "explain from a checkpoint, s": lambda: explain(log, last, rules, from_checkpoint=True),
        "bisect, s": lambda: bisect_checkpoints(log, rules),
        "verify, s": lambda: verify(log, Selection(), rules),
    }
    return {name: _seconds(way) for name, way in ways.items()}


TABLE = Table(
    "audit",
    "Audit: versions made again a second",
    __doc__.partition("\n\n")[2].partition("\n\n")[2],
    (
        Row(
            "verify",
            verified(),
            targets=(Target("versions/s", 200, at_least=True),),
            in_quick=True,
        ),
        Row("verify without keys", verified(keys=False)),
        Row("verify with the quarantine's check", verified(quarantine=6.0)),
        Row("with checkpoints", short_ways, in_quick=True),
    ),
)

if __name__ == "__main__":
    main("benchmarks.audit", [TABLE])
