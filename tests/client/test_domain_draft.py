"""A profile drafted from a CSV: what becomes a feature, and what a newcomer is told."""

from pathlib import Path

import pytest

from scarcity.client.domain_draft import as_yaml, draft_profile
from scarcity.client.domain_file import read_profiles
from scarcity.events.errors import InputError

SALES = "shop,week,price,note,flat,sales\n" + "".join(
    f"{shop},{week},{1.5 * week},x{week},7,{10 * week}\n" for shop in "abc" for week in range(1, 21)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(SALES)
    return path


def test_columns_of_numbers_become_features(path: Path) -> None:
    draft = draft_profile(path, "retail", target="sales", entity="shop")
    profile = draft.profile
    assert [c.name for c in profile.features] == ["week", "price"]
    assert profile.target.name == "sales"
    assert (draft.rows, draft.clients, draft.least_rows) == (60, 3, 20)
    assert profile.support_rows == 6
    assert draft.left_out == {
        "note": "row 1 holds 'x1', no number",
        "flat": "all rows hold the same",
    }


def test_the_yaml_it_writes_is_the_profile(path: Path, tmp_path: Path) -> None:
    drafted = draft_profile(path, "retail", target="sales", entity="shop", privacy="open").profile
    out = tmp_path / "retail.yaml"
    out.write_text(as_yaml(drafted))
    assert read_profiles(out) == [drafted]


@pytest.mark.parametrize("name", ["a: b", "it's", "no", "1st", "größe", "a_b-c", "#x"])
def test_names_of_columns_survive_yaml(name: str, tmp_path: Path) -> None:
    path, out = tmp_path / "x.csv", tmp_path / "x.yaml"
    path.write_text(f"{name},y\n" + "".join(f"{n},{n}\n" for n in range(9)), "utf-8")
    drafted = draft_profile(path, "retail", target="y").profile
    out.write_text(as_yaml(drafted), "utf-8")
    assert read_profiles(out) == [drafted]


def test_a_client_too_small_for_its_budget_is_told_so(path: Path) -> None:
    said = "\n".join(draft_profile(path, "retail", target="sales", entity="shop").remarks())
    assert "a client of 20 rows may publish 15 numbers" in said
    assert "--privacy open" in said


def test_open_is_said_to_be_for_public_data(path: Path) -> None:
    draft = draft_profile(path, "retail", target="sales", entity="shop", privacy="open")
    assert any("public data only" in line for line in draft.remarks())


@pytest.mark.parametrize(
    ("text", "entity", "message"),
    [
        ("name,sales\na,1\nb,2\n", None, "name: row 1 holds 'a', no number"),
        ("sales\n1\n2\n", None, "none is there"),
        ("id,x,sales\n1,1,2\n2,3,4\n", "id", "is 'id' the column of clients?"),
        ("x,profit\n1,1\n", None, "no column 'sales'"),
    ],
)
def test_what_cannot_be_a_domain(
    tmp_path: Path, text: str, entity: str | None, message: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        draft_profile(path, "retail", target="sales", entity=entity)
    assert message in str(refused.value)
