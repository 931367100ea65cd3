"""A result as lines."""

import json

from tests.simulation.scenarios import calm

from scarcity.simulation.runner import run


def test_lines_hold_the_run_its_domains_evaluations_and_rounds() -> None:
    result = run(calm(versions=4))
    lines = [json.loads(line) for line in result.json_lines().splitlines()]
    kinds = [line["line"] for line in lines]
    # Versions 0 to 4; evaluated every second one.
    assert kinds == ["simulation", "domain", *["evaluation"] * 3, *["round"] * 5]
    assert lines[0]["ledger_length"] == 5
    assert lines[0]["client_rounds"] == 48


def test_the_last_evaluation_is_of_the_last_version() -> None:
    result = run(calm(versions=4))
    told = result.last_evaluation("waves")
    assert told is not None
    assert told.version == 4
    assert result.last_evaluation("nowhere") is None
