"""`make bench-fold`: the transactional fold beside a floor and other stream processors.

Every reader runs on a fresh broker with a copy of the same topic, as a process of its own; all are
interleaved, three times. Rates count from the first events seen to be done to the last, so joining
the group, restoring and starting a virtual machine are left out. This project's worker counts an
event when its transaction is committed, the others when they have folded it.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import orjson

from benchmarks.fold import insights, kafka_streams
from benchmarks.fold.running import Pace, pace
from benchmarks.fold.same_fold import FRAMEWORKS_TOPIC
from benchmarks.tables import Figure, Kept, Measured, Target, machine, show, write
from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import load_topics
from scarcity.broker.embedded import EmbeddedKafka
from scarcity.broker.kafka import latest_by_key
from scarcity.broker.settings import KafkaSettings
from scarcity.events.topics import DEAD_LETTERS, GLOBAL_MEMORY
from scarcity.events.types import Headers

TOPICS_FILE = Path(__file__).parents[2] / "topics.yaml"
OURS = "scarcity, 1 worker"
FLOOR = "floor: getmany + orjson.loads"
STREAMS_CACHE = 64 << 20
GOALS = {"of the floor": 0.3, "x quix": 2.0, "x kafka streams": 1.8, "x faust": 10.0}
ABOUT = """Insights of about 2 kB from 10 000 clients; each reader alone with the broker on this
machine. `events/s` is the median of the repetitions, with the lowest and the highest beside it;
`CPU us` is the readers' processor time an event, all threads. scarcity folds exactly once with
admission on; the others fold the same means without admission, at least once. `x …` is scarcity's
rate with one worker over the best rate of that framework (median over median)."""


@dataclass(frozen=True)
class Reader:
    """A way to fold: commands of one group's processes, given servers, partitions and directory."""

    name: str
    commands: Callable[[str, int, Path], Sequence[Sequence[str]]]
    share: float = 1.0  # of the events: slow readers need not read them all


def module(
    name: str, workers: int = 1, *, python: str = sys.executable
) -> Callable[[str, int, Path], Sequence[Sequence[str]]]:
    """Commands that run a module of this package."""

    def commands(servers: str, partitions: int, directory: Path) -> list[list[str]]:
        told = [servers, insights.TOPIC, str(partitions), str(directory)]
        return [[python, "-m", f"benchmarks.fold.{name}", *told]] * workers

    return commands


def readers(directory: Path, *, quix_python: str, workers: Sequence[int]) -> list[Reader]:
    """All readers of this run; without ``quix_python`` those of this project alone."""
    chosen = [Reader(FLOOR, module("floor"))]
    for count in workers:
        plural = "s" if count > 1 else ""
        chosen.append(Reader(f"scarcity, {count} worker{plural}", module("worker", count)))
    if not quix_python:
        return chosen
    class_path = kafka_streams.compile_fold(directory)

    def streams(cache: int) -> Callable[[str, int, Path], Sequence[Sequence[str]]]:
        return lambda servers, _, state: [
            kafka_streams.command(class_path, servers, state, cache=cache)
        ]

    chosen.append(Reader("quix streams", module("quix_reader", python=quix_python)))
    chosen.append(Reader("kafka streams, default", streams(0)))
    chosen.append(Reader("kafka streams, 64 MB cache", streams(STREAMS_CACHE)))
    chosen.append(Reader("faust agent + table", module("faust_reader"), share=0.2))
    return chosen


@contextmanager
def broker_on(directory: Path) -> Iterator[KafkaSettings]:
    """A broker on a directory, stopped at the end."""
    broker = EmbeddedKafka(0, directory, memory_mb=1024)
    broker.start()
    try:
        yield KafkaSettings(broker.bootstrap_servers)
    finally:
        broker.stop()


def prepare(
    directory: Path,
    events: int,
    clients: int,
    headers_of: Callable[[bytes, int, bytes], Headers] | None = None,
) -> int:
    """Write the topic once; every reader gets a copy. Returns the number of partitions."""
    with broker_on(directory) as kafka:
        admin, declared = TopicAdmin(kafka), load_topics(TOPICS_FILE)
        admin.apply(admin.plan(declared, [insights.DOMAIN]))
        partitions = declared.expand([insights.DOMAIN])[insights.TOPIC].partitions
        _create_framework_topic(kafka, partitions)
        written = asyncio.run(insights.publish(kafka, events, clients, partitions, headers_of))
    print(f"{events} insights of {clients} clients, {written / events:.0f} bytes each", flush=True)
    return partitions


def _create_framework_topic(kafka: KafkaSettings, partitions: int) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    topic = NewTopic(FRAMEWORKS_TOPIC, partitions, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([topic])[FRAMEWORKS_TOPIC].result()


def measure(reader: Reader, prepared: Path, scratch: Path, partitions: int, events: int) -> Pace:
    """One reader on a copy of the prepared broker."""
    data, state = scratch / "broker", scratch / "state"
    shutil.copytree(prepared, data)
    state.mkdir()
    try:
        with broker_on(data) as kafka:
            wanted = round(events * reader.share)
            commands = reader.commands(kafka.bootstrap_servers, partitions, state)
            result = pace(commands, wanted, scratch.parent / "reader.log")
            if reader.name.startswith("scarcity"):
                asyncio.run(_check(kafka, events))
        return result
    finally:
        shutil.rmtree(scratch)


async def _check(kafka: KafkaSettings, events: int) -> None:
    folded = await latest_by_key(kafka, GLOBAL_MEMORY)
    parked = await latest_by_key(kafka, DEAD_LETTERS)
    accepted = sum(orjson.loads(record.value or b"{}")["accepted"] for record in folded.values())
    if accepted != events or parked:
        sys.exit(f"the fold is wrong: {accepted} of {events} accepted, {len(parked)} parked")


def measured(paces: dict[str, list[Pace]], seconds: dict[str, float]) -> list[Measured]:
    """Rows of the table, printed."""
    rate = {name: median(p.events_per_s for p in found) for name, found in paces.items()}
    compared: dict[str, Figure] = {"of the floor": rate[OURS] / rate[FLOOR]}
    for framework in ("quix", "kafka streams", "faust"):
        best = max((r for name, r in rate.items() if name.startswith(framework)), default=None)
        if best is not None:
            compared[f"x {framework}"] = rate[OURS] / best
    targets = tuple(Target(name, GOALS[name], at_least=True) for name in compared)
    rows = []
    for name, found in paces.items():
        rates = sorted(p.events_per_s for p in found)
        figures: dict[str, Figure] = {
            "events/s": rate[name],
            "lowest": rates[0],
            "highest": rates[-1],
            "CPU us": median(p.cpu_us for p in found),
        }
        figures |= compared if name == OURS else {}
        print(f"{name}: {', '.join(f'{k} {show(v)}' for k, v in figures.items())}", flush=True)
        rows.append(
            Measured(
                name=name,
                figures=figures,
                targets=targets if name == OURS else (),
                reference={},
                explanation="",
                command="make bench-fold",
                seconds=round(seconds[name], 1),
                measured_on=datetime.now(UTC).date().isoformat(),
            )
        )
    return rows


def main() -> None:
    """Measure, print, and keep a full run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fold", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--frameworks",
        metavar="PYTHON",
        default="",
        help="also Quix Streams (installed beside this interpreter), Kafka Streams and Faust",
    )
    args = parser.parse_args()
    # A supervisor's stop unwinds too: the broker is a process of its own and would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(machine())
    with tempfile.TemporaryDirectory(prefix="scarcity-bench-") as name:
        directory = Path(name)
        chosen = readers(directory, quix_python=args.frameworks, workers=args.workers)
        partitions = prepare(directory / "prepared", args.events, args.clients)
        paces: dict[str, list[Pace]] = {reader.name: [] for reader in chosen}
        seconds = dict.fromkeys(paces, 0.0)
        for repetition in range(args.repetitions):
            for reader in chosen:
                began, scratch = perf_counter(), directory / "scratch"
                scratch.mkdir()
                found = measure(reader, directory / "prepared", scratch, partitions, args.events)
                paces[reader.name].append(found)
                seconds[reader.name] += perf_counter() - began
                print(
                    f"{repetition + 1}: {reader.name}: {found.events_per_s:,.0f} events/s, "
                    f"{found.cpu_us:.1f} us CPU",
                    flush=True,
                )
    rows = measured(paces, seconds)
    if args.frameworks:
        write(Kept("fold", "Speed of the fold", ABOUT, machine(), rows))


if __name__ == "__main__":
    main()
