from scarcity.demo.children import Address, clients_spec, service_specs

ADDRESS = Address("127.0.0.1:9092", 9464, 9465)


def test_every_service_has_a_process_of_its_own_and_memory_has_two() -> None:
    specs = service_specs(ADDRESS, ["economic", "medical"])
    services = [s.command[-1] for s in specs if "scarcity.cli" in s.command]
    assert sorted(services) == ["gossip", "memory", "memory", "meta", "monitor"]
    assert len({s.name for s in specs}) == len(specs)


def test_clients_of_a_domain_have_a_host_and_new_clients_are_evaluated() -> None:
    assert clients_spec(ADDRESS, "economic").command[-2:] == ("train", "economic")
    specs = {s.name: s.command for s in service_specs(ADDRESS, ["economic", "medical"])}
    assert specs["new-clients"][-3:] == ("evaluate", "economic", "medical")


def test_every_process_is_told_the_broker_and_uses_one_thread() -> None:
    for spec in [*service_specs(ADDRESS, ["economic"]), clients_spec(ADDRESS, "economic")]:
        assert spec.environment["SCARCITY_BOOTSTRAP_SERVERS"] == "127.0.0.1:9092"
        assert spec.environment["OMP_NUM_THREADS"] == "1"
