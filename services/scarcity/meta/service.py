"""The meta worker: one writes, the others stand by.

The writer is whoever holds the single partition of `ledger` in the group `scarcity-meta`. Taking
over goes in this order, later steps only after earlier ones are confirmed:

1. start the transactional producer ``meta``: an earlier writer can write nothing more;
2. read `meta-state`, read committed, to its end;
3. read `domains`, `clients`, `global-memory`, `credentials`, `gossip-plan`, `rulings` and
   `secagg-rounds` to their ends, and follow them; members' messages are followed from their ends:
   an open round is lost.

Then, again and again, all versions that are due in one transaction:

4. learn: make the versions;
5. begin the transaction;
6. send parameters, states and ledger entries, and wait for the broker's acknowledgement;
7. commit.

No offset is committed: the pending set follows from `meta-state` and `global-memory`. A writer
that was fenced ends with an error; one that lost the broker takes over anew. `meta/steps.py` names
the steps; tests/kafka ends a worker after each.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer
from mode import Service

from scarcity import __version__
from scarcity.broker.bulk import send_each
from scarcity.broker.clock import SteadyClock
from scarcity.broker.errors import kafka_errors, transaction
from scarcity.broker.faust_app import ScarcityApp, create_app, run_app
from scarcity.broker.kafka import follow, latest_by_key, start_with_backoff
from scarcity.events.codec import decode_msgpack
from scarcity.events.dead_letter import park
from scarcity.events.errors import EventError, ServiceError
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import GLOBAL_MEMORY, LEDGER, META_STATE
from scarcity.events.types import Outgoing, Record
from scarcity.keys.registration_guard import counting, guard_of
from scarcity.learning.discrete_gaussian import KEY_BYTES
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.coordinator import FOLLOWED, MetaCoordinator
from scarcity.meta.publishing import Publication
from scarcity.meta.secure_rounds import MEMBERS_TOPICS
from scarcity.meta.settings import MetaSettings
from scarcity.meta.standby import MetaWorker, cancelled
from scarcity.meta.steps import Step
from scarcity.meta.tracing import UpdateTraces, version_about
from scarcity.meta.waiting import WaitReport
from scarcity.telemetry.json_lines import about
from scarcity.telemetry.otlp import spans_of
from scarcity.telemetry.spans import Spans

logger = logging.getLogger(__name__)

TRANSACTIONAL_ID: Final = "meta"
TRANSACTION_TIMEOUT_MS: Final = 30_000
LOOK_S: Final = 1.0  # how often a domain that stands still is looked at

OnStep: TypeAlias = Callable[[Step], None]


def _ignore(_: Step) -> None:
    """Nobody asked."""


class MetaWriter:
    """One term as the writer: takes over, then writes until cancelled or broken.

    Args:
        on_step: told of each step, right after it is done.
        spans: records the spans of sampled insights; None: no traces.
    """

    def __init__(
        self, settings: MetaSettings, on_step: OnStep = _ignore, spans: Spans | None = None
    ) -> None:
        self._kafka = settings.kafka
        self._on_step = on_step
        self._traces = UpdateTraces(spans)
        self._learning_since_ns = 0
        self._clock = SteadyClock()
        self._coordinator = MetaCoordinator(
            OnlineMAMLEngine(settings.learning),
            time.monotonic,
            __version__,
            signing=settings.signing,
            operators=settings.operators,
            registrations=guard_of(settings.enrolling),
            checkpoint_versions=settings.checkpoint_versions,
            draw_noise_key=partial(secrets.token_bytes, KEY_BYTES),
        )
        key = settings.signing
        self._signs = f"signed by key {key.public.key_id}" if key else "not signed"
        self._signs += f"; registrations count {counting(settings.enrolling)}"
        self._waits = WaitReport()
        self._producer = AIOKafkaProducer(
            **settings.kafka.producer_options(),
            client_id="scarcity-meta",
            transactional_id=TRANSACTIONAL_ID,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )

    async def run(self) -> None:
        """Take over and write.

        Raises:
            BrokerError: fenced, or the broker refused or went away.
            ServiceError: `meta-state` cannot be read.
        """
        try:
            await start_with_backoff(
                self._producer.start, "meta: take the ledger over", self._kafka
            )
            self._on_step(Step.PRODUCER_STARTED)
            await self._restore()
            self._on_step(Step.RESTORED)
            topics = (*FOLLOWED, MEMBERS_TOPICS)
            async with aclosing(follow(self._kafka, topics, only_new=MEMBERS_TOPICS)) as batches:
                await self._write(batches)
        finally:
            await self._producer.stop()

    async def _restore(self) -> None:
        records = await latest_by_key(self._kafka, META_STATE)
        try:
            states = [decode_msgpack(record.value, MetaState) for record in records.values()]
            self._coordinator.restore(states)
        except EventError as error:
            raise ServiceError(
                f"meta cannot restore its state: {error}; use the version of scarcity that wrote "
                f"topic {META_STATE}, or a newer one"
            ) from error
        chain = self._coordinator.chain
        logger.info(
            "writes the ledger on from entry %d (%s), %s",
            chain.length,
            chain.last_hash[:12],
            self._signs,
        )

    async def _write(self, batches: AsyncGenerator[list[Record], None]) -> None:
        caught_up = False
        arriving = asyncio.ensure_future(anext(batches))
        try:
            while True:
                await asyncio.wait({arriving}, timeout=self._patience_s() if caught_up else None)
                records: list[Record] = []
                if arriving.done():
                    records = arriving.result()
                    if not (records or caught_up):
                        caught_up = True
                        self._on_step(Step.CAUGHT_UP)
                    arriving = asyncio.ensure_future(anext(batches))
                # Learning is a matter of milliseconds, with thousands of clients of hundreds.
                due, parked = await asyncio.to_thread(self._learn, records, caught_up)
                if due or parked:
                    self._on_step(Step.LEARNED)
                    await self._publish(due, parked)
        finally:
            # A generator cannot be closed while a task waits in it.
            await cancelled(arriving)

    def _learn(
        self, records: list[Record], caught_up: bool
    ) -> tuple[list[Publication], list[Outgoing]]:
        parked: list[Outgoing] = []
        self._learning_since_ns = time.time_ns()
        for record in records:
            self._traces.heard(record)
            if record.position.topic == GLOBAL_MEMORY:
                self._clock.see(record.timestamp_ms)
            try:
                self._coordinator.observe(record)
            except EventError as error:
                told = about(record.position, headers=record.headers)
                logger.warning("left out %s: %s", record.position, error, extra=told)
                # What was there before this term, the writer of its time has parked.
                if caught_up:
                    parked.append(park(record, error, stage="meta.observe"))
        if not caught_up:
            return [], parked
        at_ms = self._clock.now_ms()
        due = self._coordinator.advance(at_ms)
        for line in self._waits.lines(self._coordinator.waits, at_ms):
            logger.info(line)
        return due, parked

    async def _publish(self, due: list[Publication], parked: list[Outgoing]) -> None:
        began_s = time.monotonic()
        due, opened = self._traces.begin(due, self._learning_since_ns)
        outgoing = [out for publication in due for out in publication.outgoing] + parked
        with kafka_errors("meta: publish " + ", ".join(p.domain for p in due)):
            async with transaction(self._producer):
                self._on_step(Step.BEGUN)
                await asyncio.gather(*await send_each(self._producer, outgoing))
                self._on_step(Step.SENT)
            self._on_step(Step.COMMITTED)
        took_s = time.monotonic() - began_s
        self._traces.end(opened, time.time_ns())
        for publication in due:
            self._coordinator.acknowledge(publication, took_s)
            logger.info(publication.describe(), extra=version_about(publication))

    def _patience_s(self) -> float:
        wake_ms = self._coordinator.wake_at_ms()
        if wake_ms is None:
            return LOOK_S
        return min(LOOK_S, max(0.0, (wake_ms - self._clock.now_ms()) / 1000))


def create_meta_app(
    settings: MetaSettings, on_step: OnStep = _ignore, spans: Spans | None = None
) -> ScarcityApp:
    """The Faust app of one worker."""
    app = create_app("meta", settings.kafka)
    worker = MetaWorker(partial(MetaWriter, settings, on_step, spans))

    @app.agent(app.topic(LEDGER))
    async def hold_ledger(entries: Any) -> None:
        # There for its assignment: the entries themselves are the audit's business.
        async for _ in entries:
            pass

    async def on_revoked(*_: Any, **_named: Any) -> None:
        await worker.revoked()

    async def on_assigned(_app: Any, assigned: Any, **_named: Any) -> None:
        await worker.assigned(holds_ledger=any(tp.topic == LEDGER for tp in assigned))

    signals: Any = app  # their types do not know what Faust sends
    signals.on_partitions_revoked.connect(on_revoked)
    signals.on_partitions_assigned.connect(on_assigned)

    @app.service
    class Meta(Service):
        @Service.task
        async def write(self) -> None:
            await worker.run()

    return app


def main(environ: Mapping[str, str]) -> None:
    """Run the worker until SIGINT or SIGTERM.

    Raises:
        InputError: a value of the environment is wrong.
        ServiceError: the broker refused the service for good.
    """
    settings = MetaSettings.from_environment(environ)
    run_app(create_meta_app(settings, spans=spans_of(environ, "meta")))
