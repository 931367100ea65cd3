"""Checks of the broker: does it answer, are the topics right, do the clocks agree?

Reads only: a client's account may do no more.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.declared import Declared
from scarcity.broker.errors import to_broker_error
from scarcity.broker.plan import Plan
from scarcity.broker.refusals import find_refusal
from scarcity.broker.settings import KafkaSettings
from scarcity.doctor.finding import Finding, Verdict
from scarcity.events.errors import ScarcityError

ANSWER_S: Final = 5.0
TRIES: Final = 10
TRY_MS: Final = 300
SKEW_S: Final = 2.0  # staleness and deadlines are of this order


async def check_broker(settings: KafkaSettings) -> Finding:
    """Whether the broker answers with these credentials."""
    where = settings.bootstrap_servers
    consumer = AIOKafkaConsumer(**settings.client_options(), group_id=None)
    try:
        async with asyncio.timeout(ANSWER_S):
            await consumer.start()
            topics = await consumer.topics()
    except TimeoutError:
        return Finding(
            "broker",
            Verdict.FAILED,
            f"{where} did not answer within {ANSWER_S:.0f} s",
            "check the address, the firewall, and whether the port speaks TLS",
        )
    except KafkaError as error:
        refusal = await find_refusal(settings, "refused")
        told = refusal or to_broker_error(error, where)
        return Finding("broker", Verdict.FAILED, *_said(str(told)))
    finally:
        await consumer.stop()
    return Finding("broker", Verdict.OK, f"{where} answers; {len(topics)} topics are visible")


def _said(message: str) -> tuple[str, str]:
    """What happened, and what to do: our messages end with it after the last colon and blank."""
    found, _, advice = message.rpartition(": ")
    return found or message, advice if found else ""


def check_topics(settings: KafkaSettings, declared: Declared) -> Finding:
    """Whether the topics are as topics.yaml says."""
    try:
        plan = TopicAdmin(settings).plan(declared)
    except ScarcityError as error:
        return Finding("topics", Verdict.WARNING, *_said(str(error)))
    return judge_plan(plan)


def judge_plan(plan: Plan) -> Finding:
    """What differences mean."""
    if not plan.changes:
        return Finding("topics", Verdict.OK, "as topics.yaml says")
    first = str(plan.changes[0])
    return Finding(
        "topics",
        Verdict.FAILED,
        f"{len(plan.changes)} differences, the first: {first}",
        "look with `scarcity topics plan`, mend with `scarcity topics apply`",
    )


async def newest_append_ms(settings: KafkaSettings, topics: Sequence[str]) -> int | None:
    """The broker's time of the newest record of some topics, ms since 1970; None: no record.

    Topics must be of LogAppendTime, or the time would be a sender's.

    Raises:
        KafkaError: the broker refused.
    """
    newest: int | None = None
    partitions = await _partitions(settings, topics)
    if not partitions:
        return None
    consumer = AIOKafkaConsumer(
        **settings.client_options(), group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        wanted = {tp for tp in partitions if ends[tp] > begins[tp]}
        consumer.assign(sorted(wanted))
        for tp in wanted:
            consumer.seek(tp, ends[tp] - 1)
        for _ in range(TRIES):
            # A last offset may be a transaction's marker: the position passes it without a record.
            wanted = {tp for tp in wanted if await consumer.position(tp) < ends[tp]}
            if not wanted:
                break
            fetched = await consumer.getmany(timeout_ms=TRY_MS)
            for messages in fetched.values():
                newest = max([newest or 0, *(message.timestamp for message in messages)])
        return newest
    finally:
        await consumer.stop()


async def _partitions(settings: KafkaSettings, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions of those topics that exist."""
    admin = AIOKafkaAdminClient(**settings.client_options())
    await admin.start()
    try:
        there = [topic for topic in await admin.list_topics() if topic in set(topics)]
        return [
            TopicPartition(described["topic"], partition["partition"])
            for described in (await admin.describe_topics(there) if there else [])
            for partition in described["partitions"]
        ]
    finally:
        await admin.close()


def judge_clock(newest_ms: int | None, now_ms: int) -> Finding:
    """Whether this clock is behind the broker's.

    Only one direction can be seen without writing: a record of the future proves that this clock is
    behind; an old record proves nothing.
    """
    if newest_ms is None:
        return Finding("clock", Verdict.SKIPPED, "no record yet to compare with")
    ahead_s = (newest_ms - now_ms) / 1000
    if ahead_s > SKEW_S:
        return Finding(
            "clock",
            Verdict.WARNING,
            f"this clock is at least {ahead_s:.1f} s behind the broker's",
            "let both follow NTP; ages and deadlines on screens would be wrong, results are not",
        )
    return Finding(
        "clock", Verdict.OK, f"not behind the broker's; newest record {max(0, -ahead_s):.0f} s old"
    )
