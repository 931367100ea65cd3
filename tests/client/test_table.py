"""Reading a client's rows: what is accepted, and the one line a person reads when it is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scarcity.client.table import check_readable, read_clients
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError

PROFILE = DomainProfile(
    domain="retail",
    family="retail",
    features=(Column("age", 40.0, 10.0), Column("visits", 0.0, 2.0)),
    target=Column("sales", 1.0, 4.0),
    support_rows=2,
)
Write = Callable[[str | bytes], Path]
GOOD = "sales,shop,age,visits\n5,x,50,2\n9,x,30,4\n1,x,40,0\n1,y,40,1\n1,y,40,1\n1,y,40,1\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "panel.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def test_columns_are_found_by_name_and_extra_ones_are_ignored(write: Write) -> None:
    clients = read_clients(write(GOOD), PROFILE, target="sales")
    assert list(clients) == ["panel"]
    rows = clients["panel"]
    assert rows.x[:2].tolist() == [[50.0, 2.0], [30.0, 4.0]]
    assert rows.y.tolist() == [5.0, 9.0, 1.0, 1.0, 1.0, 1.0]


def test_standardising_takes_centre_and_scale_of_the_profile(write: Write) -> None:
    rows = read_clients(write(GOOD), PROFILE)["panel"].standardised(PROFILE)
    # (50 - 40) / 10, (2 - 0) / 2; (5 - 1) / 4
    assert rows.x[0].tolist() == [1.0, 1.0]
    assert rows.y[0] == 1.0
    assert rows.x.dtype == np.float64


def test_each_entity_is_a_client_of_its_own(write: Write) -> None:
    clients = read_clients(write(GOOD), PROFILE, entity="shop")
    assert {c: len(rows) for c, rows in clients.items()} == {"retail-x": 3, "retail-y": 3}
    named = read_clients(write(GOOD), PROFILE, entity="shop", client_id="acme")
    assert list(named) == ["acme-x", "acme-y"]


def test_entities_that_look_alike_keep_apart(write: Write) -> None:
    text = "sales,shop,age,visits\n" + "".join(f"1,{s},1,1\n" * 3 for s in ("a b", "a-b", "a/b"))
    assert len(read_clients(write(text), PROFILE, entity="shop")) == 3


def test_an_entity_with_too_few_rows_is_left_out_and_named(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    clients = read_clients(write(GOOD + "1,z,40,1\n"), PROFILE, entity="shop")
    assert set(clients) == {"retail-x", "retail-y"}
    assert "client retail-z left out: 1 rows" in caplog.text


def test_a_byte_order_mark_quotes_and_blank_lines_are_fine(write: Write) -> None:
    text = '\ufeffage,visits,sales\n"50",2,5\n\n30,4,9\n40,0,1\n'
    assert len(read_clients(write(text), PROFILE)["panel"]) == 3


HEADER = "age,visits,sales\n"
FAULTS = {
    "a missing column": ("age,sales\n1,2\n", "line 1: no column 'visits'; it has age, sales"),
    "a column twice": ("age,visits,visits,sales\n", "line 1: column 'visits' is there 2 times"),
    "text in a number column": (
        HEADER + "1,2,3\n4,many,6\n",
        "row 2 (line 3), column 'visits': 'many', want a number",
    ),
    "an empty cell": (HEADER + "1,,3\n", "row 1 (line 2), column 'visits': empty, want a number"),
    "NaN": (HEADER + "1,nan,3\n", "row 1 (line 2), column 'visits': 'nan' is not a finite number"),
    "too large": (
        HEADER + "1,2,1e999\n",
        "row 1 (line 2), column 'sales': '1e999' is not a",
    ),
    "an empty file": ("", "is empty; the first line must name the columns"),
    "only a header": (HEADER, "no rows below the header"),
    "fewer rows than support and query": (
        HEADER + "1,2,3\n4,5,6\n",
        "ends after row 2; domain 'retail' needs at least 3 rows a client",
    ),
    "a short row": (HEADER + "1,2,3\n4,5\n", "row 2 (line 3) has 2 cells; the header names 3"),
    "not text": (b"age,visits,sales\n\xff\xfe,1,2\n", "is not UTF-8 text"),
    "a quote left open": (HEADER + '"1,2,3\n', "line 2: not CSV"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_that_names_file_row_and_column(
    write: Write, content: str | bytes, message: str
) -> None:
    path = write(content)
    with pytest.raises(InputError) as caught:
        read_clients(path, PROFILE)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read: No such file"):
        read_clients(tmp_path / "nowhere.csv", PROFILE)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_clients(tmp_path, PROFILE)


def test_the_target_must_be_the_domains(write: Write) -> None:
    with pytest.raises(InputError, match="predicts 'sales', not --target 'age'"):
        read_clients(write(GOOD), PROFILE, target="age")


def test_an_entity_column_must_exist_and_be_filled(write: Write) -> None:
    with pytest.raises(InputError, match="no column 'city'"):
        read_clients(write(GOOD), PROFILE, entity="city")
    with pytest.raises(InputError, match=r"row 7 .*column 'shop': empty"):
        read_clients(write(GOOD + "1,,40,1\n"), PROFILE, entity="shop")


def test_it_is_an_error_when_no_entity_has_enough_rows(write: Write) -> None:
    with pytest.raises(InputError, match="none of its 2 clients has enough rows"):
        read_clients(write("sales,shop,age,visits\n1,a,1,1\n1,b,1,1\n"), PROFILE, entity="shop")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("shop,sales\n", "no rows below the header"),
        ("shop,price\na,1\n", "no column 'sales'"),
        ("shop,sales\na,1\nb,many\n", "row 2"),
        ("shop,sales\na\n", "1 cells"),
    ],
)
def test_a_bad_file_is_refused_before_any_broker_is_asked(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        check_readable(path, target="sales", entity="shop")
