from pathlib import Path

import numpy as np
import pytest

from scarcity.demo.panels import PANEL_NAMES, load_panel, profile, split, standardised
from scarcity.events.errors import InputError


@pytest.mark.parametrize(
    ("name", "entities", "rows", "columns"),
    [("economic", 125, 3250, 5), ("medical", 54, 1495, 6), ("technology", 346, 1730, 9)],
)
def test_a_panel_holds_what_its_documentation_says(
    name: str, entities: int, rows: int, columns: int
) -> None:
    # 125 countries x 26 years; 1495 patients of Arizona's hospitals; 346 firms x 5 years.
    panel = load_panel(name)
    assert len(panel.entities) == entities
    assert sum(len(y) for _, y in panel.entities.values()) == rows
    assert {x.shape[1] for x, _ in panel.entities.values()} == {columns} == {len(panel.features)}
    assert all(np.isfinite(x).all() and np.isfinite(y).all() for x, y in panel.entities.values())


def test_patents_are_whole_and_lags_follow_the_years() -> None:
    # The archive's header is shifted; read naively, patents would be no integers.
    panel = load_panel("technology")
    for x, y in panel.entities.values():
        patents = np.expm1(y)
        assert np.allclose(patents, np.rint(patents))
        # log R&D of a year is the first lag of the next.
        assert np.allclose(x[:-1, 3], x[1:, 4])


@pytest.mark.parametrize("name", PANEL_NAMES)
def test_new_clients_never_take_part(name: str) -> None:
    panel = load_panel(name)
    parts = split(panel, 1)
    together = [*parts.training, *parts.new]
    assert len(set(together)) == len(together)
    assert len(parts.training) / len(together) == pytest.approx(0.7, abs=0.02)
    assert split(panel, 1) == parts
    assert split(panel, 2) != parts


@pytest.mark.parametrize("name", PANEL_NAMES)
def test_scaling_looks_at_the_clients_that_take_part(name: str) -> None:
    panel = load_panel(name)
    parts = split(panel, 1)
    scaling = profile(panel, parts)
    rows = standardised({key: panel.entities[key] for key in parts.training}, scaling)
    x = np.concatenate([x for x, _ in rows.values()])
    y = np.concatenate([y for _, y in rows.values()])
    assert np.allclose(x.mean(0), 0, atol=1e-8)
    assert np.allclose([*x.std(0), y.std()], 1)
    assert scaling.privacy == "open"
    assert scaling.is_complete


def test_an_unknown_panel_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="economic, medical, technology"):
        load_panel("retail")


def test_reading_leaves_nothing_in_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    load_panel("medical")
    assert list(tmp_path.iterdir()) == []
