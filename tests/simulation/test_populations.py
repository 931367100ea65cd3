"""Where simulated clients get their rows."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from scarcity.events.errors import InputError
from scarcity.simulation.populations import populate, with_family_scaling
from scarcity.simulation.scenario import CsvPanel, DomainScenario, Panel, Scenario, Sinusoid


def scenario(domain: DomainScenario, directory: Path = Path()) -> Scenario:
    return Scenario("test", (domain,), directory=directory)


def test_sinusoids_lie_within_their_ranges() -> None:
    domain = DomainScenario("waves", Sinusoid(clients=30, rows=7, amplitude=(1.0, 2.0)))
    people = populate(scenario(domain), domain)
    assert len(people.training) == 30
    assert len(people.new) == 100
    y = np.concatenate([rows.y for rows in people.training.values()])
    assert abs(y).max() <= 2.0
    assert people.profile.support_rows == 3  # half of 7, rounded down


def test_a_panel_of_the_demo_keeps_its_new_clients_apart() -> None:
    domain = DomainScenario("economy", Panel("economic"))
    people = populate(scenario(domain), domain)
    assert not people.training.keys() & people.new.keys()
    assert people.profile.support_rows == 6
    assert people.profile.domain == "economy"


def test_a_csv_file_is_read_by_entity(tmp_path: Path) -> None:
    lines = [f"shop-{i % 5},{i},{2 * i}" for i in range(40)]
    (tmp_path / "shops.csv").write_text("\n".join(["shop,visits,sales", *lines]))
    domain = DomainScenario("shops", CsvPanel("shops.csv", "shop", "sales", ("visits",)))
    people = populate(scenario(domain, tmp_path), domain)
    # 70 % of five entities, rounded: four take part (3.5 rounds to the even 4).
    assert (len(people.training), len(people.new)) == (4, 1)
    assert all(len(rows) == 8 for rows in people.training.values())


def test_a_csv_file_without_its_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shops.csv").write_text("shop,visits\na,1\n")
    domain = DomainScenario("shops", CsvPanel("shops.csv", "shop", "sales", ("visits",)))
    with pytest.raises(InputError, match="no column 'sales'"):
        populate(scenario(domain, tmp_path), domain)


def test_more_support_rows_than_anyone_has_are_refused() -> None:
    domain = DomainScenario("waves", Sinusoid(clients=5, rows=4), support_rows=4)
    with pytest.raises(InputError, match="no client has more rows"):
        populate(scenario(domain), domain)


def test_domains_of_a_family_share_the_first_ones_scaling() -> None:
    north = DomainScenario("north", Sinusoid(clients=9), family="waves")
    south = DomainScenario("south", Sinusoid(clients=9, amplitude=(9.0, 9.5)), family="waves")
    both = Scenario("two", (north, south))
    first, second = with_family_scaling([populate(both, north), populate(both, south)])
    assert first.profile.columns == second.profile.columns


def test_a_family_with_other_columns_is_refused() -> None:
    waves = DomainScenario("waves", Sinusoid(clients=9), family="one")
    panel = DomainScenario("economy", Panel("economic"), family="one")
    both = Scenario("two", (waves, panel))
    with pytest.raises(InputError, match="others"):
        with_family_scaling([populate(both, waves), populate(both, panel)])


def test_the_default_policy_closes_at_the_drawn_clients() -> None:
    domain = DomainScenario("waves", Sinusoid(clients=20))
    small = msgspec.structs.replace(domain, data=Sinusoid(clients=50))
    assert populate(scenario(domain), domain).profile.policy.buffer == 20
    assert populate(scenario(small), small).profile.policy.buffer == 32
