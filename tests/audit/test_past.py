"""Going back gives what meta and memory really had at the time."""

from dataclasses import replace

import numpy as np
import pytest
from tests.audit.ledgers import World, three_domains

from scarcity.audit.past import PastState, past_state, to_document
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Moment, VersionName
from scarcity.events.client_memory import ClientMemory
from scarcity.events.codec import decode_json, decode_msgpack
from scarcity.events.errors import InputError
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import GLOBAL_MEMORY, META_PARAMETERS
from scarcity.learning.tensors import from_payload
from scarcity.memory.settings import MemorySettings


async def back_to(world: World, as_of: VersionName | Moment) -> PastState:
    return past_state(await world.read(), as_of, KnownRules(), MemorySettings())


async def parameters(world: World, domain: str, version: int) -> MetaParameters:
    found = [
        decode_msgpack(record.value, MetaParameters)
        for record in await world.log.read_all(META_PARAMETERS)
    ]
    return next(p for p in found if (p.domain, p.version) == (domain, version))


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_the_parameters_are_those_that_were_published(version: int) -> None:
    world = three_domains(3)
    past = await back_to(world, VersionName("clinic", version))
    told = to_document(past)["meta_parameters"]["clinic"]
    published = await parameters(world, "clinic", version)
    assert told["recomputed_equal"]
    for name in ("w_init", "alpha", "log_sigma2"):
        expected = from_payload(getattr(published, name))
        assert np.array_equal(np.array(told[name]), expected)


async def test_other_domains_are_as_the_ledger_had_them_at_that_version() -> None:
    past = await back_to(three_domains(3), VersionName("bakery", 2))
    versions = {name: domain.link.entry.version for name, domain in past.domains.items()}
    # Rounds go retail, bakery, clinic: at bakery's second, retail has had its fifth.
    assert versions == {"retail": 5, "bakery": 2, "clinic": 1}


async def test_a_time_and_the_version_written_then_give_the_same() -> None:
    world = three_domains(3)
    by_version = await back_to(world, VersionName("clinic", 1))
    at = by_version.domains["clinic"].link.entry.written_at_ms
    by_time = await back_to(world, Moment(at))
    assert to_document(by_time) == {**to_document(by_version), "as_of": str(Moment(at))}


async def test_the_memory_is_what_the_fold_had_published_by_then() -> None:
    world = three_domains(3)
    past = await back_to(world, VersionName("retail", 4))
    at = past.domains["retail"].link.entry.written_at_ms
    published = {
        record.key: decode_json(record.value, ClientMemory)
        for record in sorted(
            await world.log.read_all(GLOBAL_MEMORY), key=lambda record: record.timestamp_ms
        )
        if record.timestamp_ms <= at
    }
    assert past.memory is not None
    held = [client for domain in past.memory.domains for client in past.memory.by_domain(domain)]
    key = lambda client: (client.domain, client.client_id)  # noqa: E731
    assert sorted(held, key=key) == sorted(published.values(), key=key)


async def test_before_the_first_entry_there_is_nothing() -> None:
    with pytest.raises(InputError, match="nothing was written by 1970"):
        await back_to(three_domains(1), Moment(0))


async def test_a_log_of_used_insights_gives_the_parameters_but_no_memory() -> None:
    log = replace(await three_domains(1).read(), is_whole=False)
    past = past_state(log, VersionName("retail", 1), KnownRules(), MemorySettings())
    assert past.memory is None
    assert past.domains["retail"].is_equal


async def test_a_domain_that_cannot_be_made_again_says_why() -> None:
    log = await three_domains(2).read()
    topic = "insights.retail"
    late = {where: 10**6 for where in log.first_offsets if where[0] == topic}
    emptied = replace(
        log, insights={**log.insights, topic: ()}, first_offsets={**log.first_offsets, **late}
    )
    past = past_state(emptied, VersionName("retail", 2), KnownRules(), MemorySettings())
    assert past.domains["retail"].state is None
    assert "is gone: the partition begins at offset" in past.domains["retail"].lost
