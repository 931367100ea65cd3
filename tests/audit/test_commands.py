"""`scarcity audit` on a bundle: what is printed, the exit codes, and bad arguments in one line."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import pytest
from tests.audit.ledgers import three_domains, with_entry

from scarcity import cli
from scarcity.audit.bundle import write_bundle
from scarcity.audit.log import AuditLog


@pytest.fixture(scope="module")
def log() -> AuditLog:
    return asyncio.run(three_domains(2).read())


@pytest.fixture
def bundle(log: AuditLog, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    write_bundle(path, log, [], exported_at_ms=0, all_insights=True)
    return path


def audit(*words: str | Path) -> int:
    return cli.main(["audit", *map(str, words)])


def test_verify_says_that_the_log_bears_the_ledger_out(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("verify", "--offline", bundle) == 0
    told = capsys.readouterr().out
    assert "chain whole, every version recomputed, hashes equal" in told
    assert "signatures: unsigned" in told
    assert "11 asked for, 11 recomputed and equal" in told


def test_verify_exits_1_and_shows_both_values_where_the_ledger_was_changed(
    log: AuditLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    write_bundle(path, with_entry(log, 2, result_hash="0" * 64), [], exported_at_ms=0)
    assert audit("verify", "--offline", path) == 1
    told = capsys.readouterr().out
    assert "first version that differs: retail@2" in told
    assert f"result_hash: the ledger says {'0' * 64}, recomputed" in told
    assert "broken chain: bakery@0" in told


def test_verify_exits_3_when_something_can_no_longer_be_recomputed(
    log: AuditLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    late = {where: 10**6 for where in log.first_offsets if where[0] == "insights.clinic"}
    insights = {**log.insights, "insights.clinic": ()}
    gone = AuditLog(log.ledger, insights, {**log.first_offsets, **late}, log.head)
    write_bundle(path, gone, [], exported_at_ms=0)
    assert audit("verify", "--offline", path) == 3
    assert "cannot be recomputed: clinic@1-2: insights.clinic[" in capsys.readouterr().out


def test_explain_prints_a_row_a_client(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("explain", "retail@2", "--offline", bundle) == 0
    told = capsys.readouterr().out
    assert "hash equal to the ledger's" in told
    assert all(f"client-{n}" in told for n in range(5))


def test_replay_writes_the_state(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "state.json"
    assert audit("replay", "--as-of", "retail@2", "--offline", bundle, "--out", out) == 0
    assert "as of retail@2" in capsys.readouterr().out
    state = json.loads(out.read_text())
    assert list(state["meta_parameters"]) == ["retail"]
    assert len(state["memory"]["retail"]) == 5


def test_counterfactual_prints_both_courses(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("counterfactual", "--without", "client-0,client-1", "--offline", bundle) == 0
    assert "20 → 12" in capsys.readouterr().out  # retail: four rounds of five, three without two


def test_counterfactual_takes_a_policy_file(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("round: {mode: async, min_clients: 1, buffer: 1}\nlearning: {gate: false}\n")
    words = ("--policy", policy, "--domain", "clinic", "--offline", bundle)
    assert audit("counterfactual", *words) == 0
    assert "3 → 11" in capsys.readouterr().out  # the start, and a version for each of ten insights


def test_export_of_a_bundle_keeps_what_versions_used(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.zip"
    assert audit("export", other, "--offline", bundle) == 0
    assert "verify --offline" in capsys.readouterr().out
    assert audit("verify", "--offline", other) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "retail"], "'retail' is no version; want DOMAIN@NUMBER"),
        (["explain", "nowhere@1"], "no version of domain 'nowhere'"),
        (["explain", "Retail@1"], "domain 'Retail': use 1 to 64 lower-case letters"),
        (["replay", "--as-of", "yesterday"], "'yesterday' is no time"),
        (["verify", "--from", "x"], "'x' is no time"),
        (["verify", "--domain", "nowhere"], "it holds: bakery, clinic, retail"),
        (["counterfactual"], "say what would be different"),
        (["counterfactual", "--without", "nobody"], "client 'nobody' is heard in no version"),
        (["counterfactual", "--policy", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    bundle: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert audit(*words, "--offline", bundle) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("round: {mode: never}", "policy mode 'never' is unknown"),
        ("round: {quorums: 1}", "quorums"),
        ("learning: {speed: 1}", "learning setting 'speed' is unknown; one of: mode, rate"),
        ("learning: {rate: fast}", "Expected `float`"),
        ("other: 1", "other"),
        ("{}", "changes nothing"),
        ("round: [", "line 1"),
    ],
)
def test_a_wrong_policy_file_is_told_by_name(
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    assert audit("counterfactual", "--policy", policy, "--offline", bundle) == 2
    told = capsys.readouterr().err
    assert str(policy) in told
    assert message in told


def test_every_command_in_the_docs_parses() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    lines = re.findall(r"^scarcity (.*)$", docs, flags=re.MULTILINE)
    assert len(lines) >= 20
    for line in lines:
        assert cli.build_parser().parse_args(shlex.split(line)).handler is not None
