"""A domain that sums learns what it learns when every client shows its slopes."""

import torch
from tests.secagg.world import World, profile, waves

from scarcity.client.core import ClientGroup
from scarcity.client.evaluation import NewClients
from scarcity.client.holdings import domain_maps
from scarcity.client.outgoing import insight_record, profile_record
from scarcity.client.table import Rows
from scarcity.client.versions import Version, Versions
from scarcity.events.codec import decode_msgpack
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import META_PARAMETERS
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.memory.global_memory import GlobalMemory
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.simulation.log import MemoryLog

PEOPLE = waves(38)
TRAINING = {name: PEOPLE[name] for name in list(PEOPLE)[:8]}
NEW = {name: PEOPLE[name] for name in list(PEOPLE)[8:]}
VERSIONS = 20


def judge(new: dict[str, Rows]) -> NewClients:
    declared = profile()
    rows = {name: r.standardised(declared) for name, r in new.items()}
    tensors = {n: (torch.from_numpy(r.x), torch.from_numpy(r.y)) for n, r in rows.items()}
    return NewClients(
        domain_maps(declared), tensors, support_rows=4, splits=2, experts=tuple(range(10))
    )


def error(judges: NewClients, version: Version) -> float:
    return judges.score(version.z, version.domain_losses, version.start_losses).routed


def openly() -> Version:
    """The last version of the same clients in mode `open`, eight slopes an expert."""
    declared = profile("open")
    group = ClientGroup(declared, TRAINING)
    group.join(0, {})
    meta, memory, log = (
        MetaCoordinator(OnlineMAMLEngine(), lambda: 0.0, "test"),
        GlobalMemory(),
        MemoryLog(),
    )
    meta.observe(log.append(profile_record(declared, now_ms=0)))
    versions = Versions()
    for number in range(VERSIONS + 1):
        for publication in meta.advance(number):
            for out in publication.outgoing:
                if out.topic == META_PARAMETERS:
                    versions.see(Version.of(decode_msgpack(out.value, MetaParameters)))
        assert versions.current is not None
        assert versions.current.number == number
        told = group.train(group.client_ids, versions.current, versions.previous).insights
        records = [log.append(insight_record(one, now_ms=number)) for one in told]
        for changed in memory.fold(records).changed:
            meta.observe(log.append(changed))
    return versions.current


def test_errors_of_new_clients_fall_as_they_do_in_mode_open() -> None:
    judges = judge(NEW)
    world = World(TRAINING, together=True)
    world.until_version(0)
    first = world.clients["all"].versions.current
    assert first is not None
    before = error(judges, first)
    world.until_version(VERSIONS)
    last = world.clients["all"].versions.current
    assert last is not None
    summed, told = error(judges, last), error(judges, openly())
    # All directions are summed, where mode open tells eight a client: a little better, if anything.
    assert summed < 0.85 * before
    assert summed < 1.02 * told
