"""The whole system in containers: hardened, watched, and it survives a broker and a worker.

One system for the module; the tests run in this order, and the last one stops it.
"""

import pytest
from chaos.compose import CommandError, ComposeSystem
from chaos.compose_run import ROUNDS, run
from tests.containers.asking import ask, until_scraped
from tests.containers.judging import STOP_S, tell_and_judge

pytestmark = pytest.mark.timeout(3000)
OURS = ("memory", "meta", "gossip", "monitor", "client", "topics", "domains")


async def test_every_container_is_hardened(system: ComposeSystem) -> None:
    for name, inspected in (await system.states()).items():
        host = inspected["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert inspected["Config"]["User"] not in {"", "0", "root"}, name
        published = [place for places in (host["PortBindings"] or {}).values() for place in places]
        assert {place["HostIp"] for place in published} <= {"127.0.0.1"}, name
        if name.startswith(OURS):
            assert inspected["Config"]["User"] == "10001:10001", name


async def test_there_are_two_memory_and_two_meta_workers(system: ComposeSystem) -> None:
    names = (await system.states()).keys()
    assert {"memory-1", "memory-2", "meta-1", "meta-2", "gossip-1", "monitor-1"} <= names


async def test_a_container_cannot_write_beside_its_tmpfs(system: ComposeSystem) -> None:
    assert (await system.execute("memory-1", "id", "-u")).strip() == "10001"
    with pytest.raises(CommandError, match="Read-only file system"):
        await system.execute("memory-1", "touch", "/opt/project/x")


async def test_a_client_container_reaches_no_service(system: ComposeSystem) -> None:
    look = "import socket; socket.create_connection(('monitor', 9464), 3)"
    with pytest.raises(CommandError, match=r"gaierror|timed out|refused|unreachable"):
        await system.execute("client-medical-1", "python", "-c", look)


async def test_topics_are_kept_three_times_and_nothing_drifts(system: ComposeSystem) -> None:
    told = await system.tool("topics", "drift", "--replication", "3", "--min-isr", "2")
    assert "create" not in told


async def test_services_tell_their_settings_at_the_start(system: ComposeSystem) -> None:
    for service in ("memory", "meta", "gossip", "monitor", "client-medical"):
        logs = await system.compose("logs", service)
        name = service.partition("-")[0]
        assert f"settings of {name}:" in logs, service


async def test_prometheus_scrapes_the_monitor_and_has_the_alert_rules(
    system: ComposeSystem,
) -> None:
    await until_scraped(system)
    rules = ask(f"{system.prometheus_url}/api/v1/rules")["data"]["groups"]
    assert sum(len(group["rules"]) for group in rules) > 0
    assert ask(f"{system.monitor_url}/health")["status"] == "ok"


async def test_rounds_go_on_without_a_broker_and_a_memory_worker_and_nothing_is_lost(
    system: ComposeSystem,
) -> None:
    outcome = await run(system, lambda text: print(text, flush=True), ROUNDS)
    tell_and_judge(outcome)
    assert {n: s for n, (s, _) in outcome.stops.items() if s > STOP_S} == {}
