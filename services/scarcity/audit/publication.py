"""Publishes a repair and sees it through: again at the ledger's new end, until it is applied."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from scarcity.audit.chain import Link
from scarcity.audit.log import ledger_domains, read_log, summing_domains
from scarcity.audit.repairing import RepairCourse
from scarcity.audit.rules import KnownRules
from scarcity.broker.protocol import Broker
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.topics import LEDGER, insights_topic, secagg_terms_topic
from scarcity.events.types import Record
from scarcity.keys.signed_events import sign_event
from scarcity.keys.signing import SigningKey
from scarcity.meta.rulings import ruling_record

ATTEMPTS: Final = 20
PATIENCE_S: Final = 20.0


@dataclass(frozen=True)
class RepairPlan:
    """What an operator asks for.

    Attributes:
        agreed: shown the course before anything is published; False ends it there.
        on_step: told how many of how many versions are done.
        patience_s: how long the ledger may stand still after a request.
    """

    without: Collection[str]
    key: SigningKey
    rules: KnownRules
    agreed: Callable[[RepairCourse], bool]
    reason: str = ""
    on_step: Callable[[int, int], None] = lambda *_: None
    patience_s: float = PATIENCE_S


async def publish_repair(broker: Broker, plan: RepairPlan, now_ms: Callable[[], int]) -> list[Link]:
    """Compute a repair, ask, publish it, and wait until the ledger tells it.

    Returns:
        The repair's entries; empty when it was not agreed to.

    Raises:
        InputError: there is nothing to repair.
        ServiceError: the meta-learner does not apply it.
    """
    ledger = await broker.read_all(LEDGER)
    domains = ledger_domains(ledger)
    if not domains:
        raise InputError("the ledger is empty: there is nothing to repair")
    topics = [LEDGER, *(insights_topic(domain) for domain in domains)]
    topics += [secagg_terms_topic(domain) for domain in summing_domains(ledger)]
    stream: Any = broker.stream(*topics, from_start=False)
    async with aclosing(stream) as batches:
        # What is appended from here on comes through the stream; reading may take its time.
        while await anext(batches):
            pass
        log = await read_log(broker)
        course = await asyncio.to_thread(RepairCourse, log, plan.rules, plan.without, plan.on_step)
        if not plan.agreed(course):
            return []
        return await _see_through(broker, batches, course, plan, now_ms)


async def _see_through(
    broker: Broker,
    batches: AsyncIterator[list[Record]],
    course: RepairCourse,
    plan: RepairPlan,
    now_ms: Callable[[], int],
) -> list[Link]:
    ruled_at_ms = 0
    for _ in range(ATTEMPTS):
        ruled_at_ms = max(ruled_at_ms + 1, now_ms())
        ruling = course.ruling(ruled_at_ms=ruled_at_ms, reason=plan.reason)
        states = {state.key for state in ruling.states if not state.key.startswith("*")}
        await broker.publish(ruling_record(sign_event(ruling, plan.key), at_ms=ruled_at_ms))
        applied: list[Link] = []
        while True:
            links = course.take(await _next(batches, plan.patience_s))
            mine = [link for link in links if _is_of(link, ruling.base_hash)]
            applied += mine
            if len(applied) == len(states):
                return applied
            if links and not applied:
                break  # the ledger went on first: compute the repair at its new end
    raise ServiceError(
        f"the ledger went on before each of {ATTEMPTS} requests: is the operator's key among those "
        "of SCARCITY_META_OPERATOR_KEYS? dead-letters would tell"
    )


def _is_of(link: Link, base_hash: str) -> bool:
    return link.entry.repair is not None and link.entry.repair.base_hash == base_hash


async def _next(batches: AsyncIterator[list[Record]], patience_s: float) -> list[Record]:
    try:
        return await asyncio.wait_for(anext(batches), patience_s)
    except TimeoutError:
        raise ServiceError(
            f"the meta-learner did not apply the repair within {patience_s:g} s: is it running, "
            "and is the operator's key among those of SCARCITY_META_OPERATOR_KEYS? dead-letters "
            "would tell"
        ) from None
