"""The memory worker: folds `insights.*` into `global-memory`, exactly once.

Partition number p, one number for partition p of every domain, is owned by one worker at a time.
Taking it over goes in this order, later steps only after earlier ones are confirmed:

1. start the transactional producer ``memory-<p>``: an earlier owner can write nothing more;
2. restore partition p of `global-memory`, read committed, to its end;
3. take the group's committed offsets, and seek there.

Then, batch after batch, in one transaction each:

4. fold the batch;
5. begin the transaction;
6. send changed records and dead letters, and wait for the broker's acknowledgement;
7. send the offsets of the input;
8. commit.

The offset in the record alone would not do: with two workers an old owner's late write lands after
the new owner's. `memory/steps.py` names the steps; tests/kafka ends a worker after each.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic, time_ns
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from mode import Service

from scarcity.broker.catching_up import catch_up
from scarcity.broker.errors import kafka_errors, to_broker_error
from scarcity.broker.faust_app import ScarcityApp, create_app, run_app
from scarcity.broker.kafka import start_with_backoff, to_record
from scarcity.broker.settings import KafkaSettings
from scarcity.broker.together import all_ended
from scarcity.events.topics import CREDENTIALS, GLOBAL_MEMORY
from scarcity.events.types import Record
from scarcity.memory.global_memory import GlobalMemory
from scarcity.memory.judging import judge
from scarcity.memory.partition_writers import PartitionWriters
from scarcity.memory.settings import MemorySettings, equal_partitions
from scarcity.memory.steps import Step
from scarcity.memory.tracing import FoldTraces, parked_line
from scarcity.telemetry.otlp import spans_of
from scarcity.telemetry.spans import Spans

logger = logging.getLogger(__name__)

GROUP: Final = "scarcity-memory-fold"  # the Faust app keeps `scarcity-memory` for itself
INSIGHTS_PATTERN: Final = r"^insights\..*"
POLL_MS: Final = 200
IDLE_S: Final = 0.02
# Bounds a transaction, hence how long a rebalance waits for one (about a second). A worker that
# catches up writes a client once a batch, however often it spoke.
BATCH_RECORDS: Final = 12_000
FETCH_BYTES: Final = 8 << 20
# Decoding makes a dozen containers an event and no cycle; the default, 700, walks all memory often.
GC_THRESHOLD: Final = 100_000

Fetched: TypeAlias = "dict[TopicPartition, list[Any]]"


class FoldWorker(ConsumerRebalanceListener):  # type: ignore[misc]  # the base is untyped
    """One member of the group that folds.

    Args:
        fence: what transactional ids begin with. Workers fence each other by having the same.
        on_step: told of each step, right after it is done.
        spans: records the spans of sampled insights; None: no traces.

    Attributes:
        folded: records folded and committed since the start.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: MemorySettings,
        *,
        fence: str = "memory",
        on_step: Callable[[Step], None] = lambda _: None,
        spans: Spans | None = None,
    ) -> None:
        self.folded = 0
        self._kafka = kafka
        self._settings = settings
        self._on_step = on_step
        self._traces = FoldTraces(spans)
        self._memory = GlobalMemory(settings.max_insights, limits=settings.limits)
        self._writers = PartitionWriters(kafka, GROUP, fence, on_step)
        # Held by a batch, a take-over and a revocation: never two of them at once.
        self._lock = asyncio.Lock()
        # None between a revocation and the next assignment: what is left then belongs to others,
        # and a take-over would fence them.
        self._assigned: set[TopicPartition] | None = None
        self._generation = 0
        self._owned_generation = 0
        self._consumer = AIOKafkaConsumer(
            **kafka.consumer_options(),
            client_id=GROUP,
            group_id=GROUP,
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(1000 * kafka.session_timeout_s),
            heartbeat_interval_ms=int(1000 * kafka.heartbeat_s),
            max_partition_fetch_bytes=FETCH_BYTES,
        )

    @property
    def is_ready(self) -> bool:
        """Whether it folds what the group gave it, if only nothing."""
        return self._assigned is not None and self._owned_generation == self._generation

    async def run(self, is_stopping: Callable[[], bool]) -> None:
        """Fold until told to stop.

        Raises:
            ServiceError: another worker took a partition over by force, the broker refused for
                good, or the topics do not fit each other.
        """
        logger.info(
            "folds %s of %s into %s, at most %d insights a domain, %s",
            INSIGHTS_PATTERN,
            self._kafka.bootstrap_servers,
            GLOBAL_MEMORY,
            self._settings.max_insights,
            self._settings.senders,
        )
        gc.set_threshold(GC_THRESHOLD)
        self._consumer.subscribe(pattern=INSIGHTS_PATTERN, listener=self)
        try:
            await start_with_backoff(self._consumer.start, "memory", self._kafka)
            while not is_stopping():
                if self._owned_generation == self._generation:
                    await self._fetch_and_fold()
                elif self._assigned is None:
                    await asyncio.sleep(IDLE_S)
                else:
                    async with self._lock:
                        await start_with_backoff(self._take_over, "memory: take over", self._kafka)
        finally:
            await self._release()
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: "set[TopicPartition]") -> None:
        """Wait for the running batch, then drop all state; what is kept is taken over anew."""
        del revoked  # the group gives all back and deals anew
        self._generation += 1
        self._assigned = None
        async with self._lock:
            await self._release()

    async def on_partitions_assigned(self, assigned: "set[TopicPartition]") -> None:
        """Mark that there is something to take over; the fold's own task does it."""
        self._generation += 1
        self._assigned = set(assigned)

    async def _release(self) -> None:
        self._memory = GlobalMemory(self._settings.max_insights, limits=self._settings.limits)
        await self._writers.stop()

    async def _take_over(self) -> None:
        generation = self._generation
        await self._release()
        assigned = sorted(self._assigned or ())
        numbers = sorted({tp.partition for tp in assigned})
        began = monotonic()
        if numbers:
            memory = GlobalMemory(
                self._settings.max_insights,
                partitions=equal_partitions(
                    {tp.topic: self._consumer.partitions_for_topic(tp.topic) for tp in assigned}
                ),
                limits=self._settings.limits,
            )
            await all_ended(map(self._writers.start, numbers))
            self._on_step(Step.PRODUCER_STARTED)
            await self._restore(memory, numbers)
            self._on_step(Step.RESTORED)
            if not await self._seek(assigned):
                self._assigned = None  # a rebalance is under way; it brings another assignment
                return
            self._on_step(Step.SOUGHT)
            self._memory = memory
            # What was restored lives long: the collector need not walk it again and again.
            gc.collect()
            gc.freeze()
        self._owned_generation = generation
        logger.info(
            "owns partitions %s of %s; restored %d clients in %.2f s",
            numbers or "none",
            ", ".join(sorted({tp.topic for tp in assigned})) or "no topic",
            len(self._memory),
            monotonic() - began,
        )

    async def _restore(self, memory: GlobalMemory, numbers: list[int]) -> None:
        def say(how_far: str) -> None:
            logger.info("restores %s: %s, %d clients", numbers, how_far, len(memory))

        for topic in (
            (GLOBAL_MEMORY, CREDENTIALS) if memory.requires_signatures else (GLOBAL_MEMORY,)
        ):
            await catch_up(self._kafka, topic, numbers, memory.load, say)
        # With a million clients this takes longer than the group waits for a heartbeat.
        await asyncio.to_thread(memory.settle)

    async def _seek(self, assigned: list[TopicPartition]) -> bool:
        """Go to the group's committed offsets; False when the assignment changed meanwhile."""
        committed = {tp: await self._consumer.committed(tp) for tp in assigned}
        unread = [tp for tp, offset in committed.items() if offset is None]
        if unread:  # all at once: each question waits for a fetch that is under way, half a second
            committed |= await self._consumer.beginning_offsets(unread)
        if not self._consumer.assignment().issuperset(assigned):
            return False
        for tp, offset in committed.items():
            self._consumer.seek(tp, offset)
        return True

    async def _fetch_and_fold(self) -> None:
        generation = self._generation
        with kafka_errors("memory: read insights"):
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
        async with self._lock:
            # What was fetched before a rebalance is thrown away; the take-over seeks.
            if fetched and generation == self._generation:
                await self._fold(fetched)

    async def _fold(self, fetched: Fetched) -> None:
        by_number: dict[int, Fetched] = {}
        for tp, messages in fetched.items():
            by_number.setdefault(tp.partition, {})[tp] = messages
        try:
            await all_ended(self._fold_number(number, part) for number, part in by_number.items())
        except KafkaError as error:
            told = to_broker_error(error, f"memory: commit a batch of {sorted(by_number)}")
            if not error.retriable:
                raise told from error
            # The transaction may have been committed or not; the log knows, so ask it again.
            logger.warning("%s; taking the partitions over anew", told)
            self._generation += 1

    async def _fold_number(self, number: int, fetched: Fetched) -> None:
        records: list[Record] = []
        for tp in sorted(fetched):
            records.extend(map(to_record, fetched[tp]))
        traces = self._traces.begin(records, time_ns())
        result = self._memory.fold(records, await judge(self._memory, records))
        result = traces.carried(result)
        self._on_step(Step.FOLDED)
        ends = {tp: messages[-1].offset + 1 for tp, messages in fetched.items()}
        await self._writers.commit(number, result, ends)
        traces.end(time_ns())
        self.folded += len(records)
        if result.dead_letters:  # one line a batch: a broken client must not fill the log
            line, told = parked_line(result.dead_letters)
            logger.warning(line, extra=told)


def create_memory_app(
    kafka: KafkaSettings,
    settings: MemorySettings,
    make_worker: Callable[[KafkaSettings, MemorySettings], FoldWorker] = FoldWorker,
) -> ScarcityApp:
    """The Faust app whose worker runs the fold."""
    app = create_app("memory", kafka)

    @app.service
    class Fold(Service):
        @Service.task
        async def fold_insights(self) -> None:
            worker = make_worker(kafka, settings)
            app.ready_when = lambda: worker.is_ready
            await worker.run(lambda: self.should_stop)

    return app


def main(environ: Mapping[str, str]) -> None:
    """Run the worker until SIGINT or SIGTERM.

    Raises:
        InputError: a value of the environment is wrong.
        ServiceError: the broker refused the service for good.
    """
    kafka = KafkaSettings.from_environment(environ)
    settings = MemorySettings.from_environment(environ)
    worker = partial(FoldWorker, spans=spans_of(environ, "memory"))
    run_app(create_memory_app(kafka, settings, worker))
