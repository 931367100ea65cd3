"""docs/security.md claims nothing without a test, and forgets no refusal that was promised."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
SHOWN_BY = "shown by"
LINK = re.compile(r"\[([\w/]+\.py)::(test_\w+)\]\(\.\./tests/([\w/]+\.py)\)")
# Every refusal and property that was asked for. Each begins a row, in bold.
PROMISED = [
    "forged", "replayed", "moved to another domain", "expired", "revoked", "key rotation",
    "wrong password", "expired certificate", "no TLS", "unknown CA", "ACL matrix",
    "removed gossip members", "tampering", "replay of an old gossip cycle",
    "member of another group", "broker's disk search", "secure sums exact with 30 % dropouts",
    "flooding", "size limits", "fuzzed decoders", "no pickle, no yaml.load", "loopback binding",
    "monitor's pages", "dashboard", "uniform masked values",
]  # fmt: skip
ACTORS = [
    "The network", "The broker's administrator", "The operator of the services",
    "A malicious writer of versions", "Another institution's client", "A stolen SASL password",
    "A stolen client key", "A stolen operator's key", "An auditor",
]  # fmt: skip


@lru_cache(maxsize=256)
def functions_of(path: Path) -> frozenset[str]:
    """Names of the test functions of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def rows() -> Iterator[list[str]]:
    """Cells of every row of the tables whose last column names tests."""
    within = False
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            within = False
        elif cells[-1] == SHOWN_BY:
            within = True
        elif within and not set(line) <= set("|- "):
            yield cells


ROWS = list(rows())


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0][:40])
def test_a_row_names_tests_that_there_are(cells: list[str]) -> None:
    assert len(cells) == 3
    found = LINK.findall(cells[-1])
    assert found, "no test shows it"
    assert not LINK.sub("", cells[-1]).strip(), "something beside the tests"


def test_every_link_to_a_test_leads_to_it() -> None:
    found = LINK.findall(PAGE.read_text("utf-8"))
    assert len(found) > 100
    for shown, name, target in found:
        assert shown == target
        assert name in functions_of(ROOT / "tests" / target), f"{target} has no {name}"
    assert PAGE.read_text("utf-8").count("::test_") == len(found), "a link is not of that form"


@pytest.mark.parametrize("promise", PROMISED)
def test_every_refusal_that_was_promised_has_a_row(promise: str) -> None:
    assert any(f"**{promise}**" in cells[0] + cells[1] for cells in ROWS)


def test_every_actor_has_a_part_that_says_what_is_not_stopped() -> None:
    parts = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.S | re.M))
    for actor in ACTORS:
        assert SHOWN_BY in parts[actor], actor
        assert re.search(r"^Not stopped:\n\n- ", parts[actor], re.M), actor
