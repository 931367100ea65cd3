"""Every user x every topic x read, write, create, delete, asked of a real broker with ACLs.

The table is written by hand and not made of topics.yaml: it says what the design allows. Each
answer is the broker's to a real request that would change nothing if it were let through.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateTopicsRequest, DeleteTopicsRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from tests.kafka.secured import USERS, Secured

from scarcity.broker.admin import TopicAdmin
from scarcity.broker.settings import KafkaSettings

pytestmark = pytest.mark.kafka

# mem = memory, gos = gossip, mon = monitor, aud = audit, ope = operator;
# c-a = client of domain economic, c-b = client of domain medical, e-a = evaluator of economic.
TABLE: Final = """
topic                    mem meta gos mon aud ope c-a c-b e-a
insights.economic        r   -    -   r   r   rw  w   -   -
insights.medical         r   -    -   r   r   rw  -   w   -
insights.technology      r   -    -   r   r   rw  -   -   -
global-memory            rw  r    r   r   -   -   -   -   -
credentials              rw  r    -   -   -   -   -   -   -
meta-parameters          -   w    -   r   -   -   r   r   r
meta-state               -   rw   -   -   r   r   -   -   -
ledger                   -   rw   -   r   r   r   -   -   -
checkpoints              -   w    -   -   r   r   -   -   -
rulings                  -   r    -   -   r   rw  -   -   -
clients                  -   r    r   r   -   rw  rw  rw  -
domains                  -   rw   -   r   r   rw  r   r   r
gossip-plan              -   r    rw  r   -   -   r   r   -
gossip.economic          -   -    -   r   -   -   rw  -   -
gossip.medical           -   -    -   r   -   -   -   rw  -
gossip.technology        -   -    -   r   -   -   -   -   -
secagg-rounds            -   rw   -   -   -   -   r   r   -
secagg-keys.economic     -   r    -   -   -   -   rw  -   -
secagg-keys.medical      -   r    -   -   -   -   -   rw  -
secagg-keys.technology   -   r    -   -   -   -   -   -   -
secagg-terms.economic    -   r    -   -   r   r   w   -   -
secagg-terms.medical     -   r    -   -   r   r   -   w   -
secagg-terms.technology  -   r    -   -   r   r   -   -   -
evaluations              -   -    -   r   -   -   -   -   w
dead-letters             w   w    w   r   -   r   -   -   -
"""
COLUMNS: Final = {
    "mem": "memory", "meta": "meta", "gos": "gossip", "mon": "monitor", "aud": "audit",
    "ope": "operator", "c-a": "client-a", "c-b": "client-b",
    "e-a": "evaluator-a",
}  # fmt: skip
# Who may join a group (j), or use a transactional id (t).
GROUPS: Final = {"scarcity-memory-fold": "memory", "scarcity-meta": "meta"} | {
    "scarcity-gossip": "gossip"
}
TRANSACTIONS: Final = {"memory-0": "memory", "memory-17": "memory", "meta": "meta"}

# Kafka's codes.
NOT_AUTHORIZED: Final = {29, 30, 53}  # topic, group, transactional id
OK, BAD_ACKS, EXISTS = 0, 21, 36
_NO_COORDINATOR: Final = {14, 15, 16}  # loading, not there yet, elsewhere: asked after the right
MAY_JOIN: Final = {79, 23, *_NO_COORDINATOR}  # wants a member id, or another protocol
MAY_USE: Final = {50, *_NO_COORDINATOR}  # such a timeout is refused
NO_SUCH_ACKS: Final = 2  # looked at after the right to write, before anything is written


def expected(user: str) -> dict[str, str]:
    head, *rows = (line.split() for line in TABLE.strip().splitlines())
    column = [COLUMNS.get(name) for name in head].index(user)
    return {row[0]: row[column].strip("-") for row in rows}


@asynccontextmanager
async def connected(settings: KafkaSettings) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(**settings.client_options())
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


async def ask(client: AIOKafkaClient, request: Any) -> Any:
    return await client.send(client.get_random_node(), request)


async def readable(client: AIOKafkaClient, topics: list[str]) -> dict[str, int]:
    wanted = [(topic, [(0, 0, 1)]) for topic in topics]
    told = await ask(client, FetchRequest(0, 0, 1000, 0, wanted))
    return {topic: partitions[0][1] for topic, partitions in told.topics}


async def writable(client: AIOKafkaClient, topics: list[str]) -> dict[str, int]:
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    batch.append(0, int(time.time() * 1000), b"a", b"b", [])
    wanted = [(topic, [(0, bytes(batch.build()))]) for topic in topics]
    told = await ask(client, ProduceRequest(None, NO_SUCH_ACKS, 1000, wanted))
    return {topic: partitions[0][1] for topic, partitions in told.topics}


async def creatable(client: AIOKafkaClient, topics: list[str]) -> dict[str, int]:
    wanted = [(topic, 1, 1, [], []) for topic in topics]
    told = await ask(client, CreateTopicsRequest(wanted, 1000, False))
    return {entry[0]: entry[1] for entry in told.topic_errors}


async def deletable(client: AIOKafkaClient, topics: list[str]) -> dict[str, int]:
    told = await ask(client, DeleteTopicsRequest(topics, 1000))
    return {entry[0]: entry[1] for entry in told.topic_error_codes}


def may(codes: dict[str, int], when_allowed: set[int]) -> set[str]:
    unclear = {n: code for n, code in codes.items() if code not in NOT_AUTHORIZED | when_allowed}
    assert unclear == {}, "neither allowed nor refused"
    return {name for name, code in codes.items() if code in when_allowed}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_do_what_the_table_says_and_nothing_else(
    secured: Secured, user: str
) -> None:
    table = expected(user)
    topics = list(table)
    async with connected(secured.settings(user)) as client:
        assert may(await readable(client, topics), {OK}) == {t for t in topics if "r" in table[t]}
        assert may(await writable(client, topics), {BAD_ACKS}) == {
            t for t in topics if "w" in table[t]
        }
        new = [*topics, "a-topic-of-nobody", "insights.invented"]
        assert may(await creatable(client, new), {OK, EXISTS}) == set()
        assert may(await deletable(client, topics), {OK}) == set()


@pytest.mark.parametrize("user", USERS)
async def test_a_user_joins_its_own_groups_and_uses_its_own_transactional_ids(
    secured: Secured, user: str
) -> None:
    joined, used = {}, {}
    async with connected(secured.settings(user)) as client:
        for group in (*GROUPS, "another"):
            request = JoinGroupRequest(group, 6000, 6000, "", None, "consumer", [("range", b"")])
            joined[group] = (await ask(client, request)).error_code
        for name in (*TRANSACTIONS, "another"):
            # A time that the coordinator refuses, after it has looked at the right.
            request = InitProducerIdRequest(name, 2**31 - 1)
            used[name] = (await ask(client, request)).error_code
    assert may(joined, MAY_JOIN) == {g for g, owner in GROUPS.items() if owner == user}
    assert may(used, MAY_USE) == {n for n, owner in TRANSACTIONS.items() if owner == user}


async def test_the_administrator_makes_and_deletes_topics(secured: Secured) -> None:
    async with connected(secured.by_certificate("admin")) as client:
        made = await ask(client, CreateTopicsRequest([("passing", 1, 1, [], [])], 5000, False))
        assert [entry[1] for entry in made.topic_errors] == [OK]
        assert await deletable(client, ["passing"]) == {"passing": OK}


def test_the_table_has_every_topic_of_the_cluster_and_every_user(secured: Secured) -> None:
    live = set(TopicAdmin(secured.by_certificate("admin")).live()) - {"passing"}
    assert set(expected("memory")) == live, "a new topic needs its row, written by hand"
    assert set(COLUMNS.values()) == set(USERS)
