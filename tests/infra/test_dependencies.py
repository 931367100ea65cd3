import json
from pathlib import Path
from typing import Any

import pytest
from infra.dependencies import LOCK, judge_audit, judge_list, locked, main, plain

from scarcity.exit_codes import ExitCode

PACKAGES = {"a-b": "1.0", "c": "2"}
GOOD = {"name": "A_b", "version": "1.0", "vulns": []}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def report(*told: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(told), "fixes": []}


def test_the_projects_lock_is_read_whole() -> None:
    text = LOCK.read_text("utf-8")
    found = locked(text)
    assert len(found) == text.count("==")
    assert {"orjson", "aiokafka", "cryptography"} <= found.keys()
    assert all(name == plain(name) for name in found)


def test_all_audited_and_none_vulnerable_is_done() -> None:
    code, lines = judge_audit(report(GOOD, {**BAD, "vulns": []}), PACKAGES)
    assert (code, lines) == (ExitCode.DONE, ["2 packages audited, 0 known vulnerabilities"])


def test_a_vulnerability_fails_and_says_what_mends_it() -> None:
    code, lines = judge_audit(report(GOOD, BAD), PACKAGES)
    assert code == ExitCode.FAILED
    assert lines[0] == "c 2: PYSEC-1, mended in 2.1"


def test_what_was_not_asked_after_is_no_success() -> None:
    skipped = {"name": "c", "skip_reason": "could not be audited: c (2)"}
    for told in (report(GOOD, skipped), report(GOOD)):
        code, lines = judge_audit(told, PACKAGES)
        assert code == ExitCode.NOT_WHOLE
        assert "1 of 2 packages were NOT audited (c)" in lines[-1]
    assert judge_audit(report(BAD, {"name": "a-b", "skip_reason": "x"}), PACKAGES)[0] == 1


def test_a_list_must_name_every_locked_package_with_its_version() -> None:
    whole = {"components": [{"name": "A.B", "version": "1.0"}, {"name": "c", "version": "2"}]}
    assert judge_list(whole, PACKAGES)[0] == ExitCode.DONE
    whole["components"][0]["version"] = "1.1"
    del whole["components"][1]
    code, lines = judge_list(whole, PACKAGES)
    assert code == ExitCode.FAILED
    assert "a-b 1.0 (is 1.1), c 2 (missing)" in lines[0]


def test_without_a_report_the_command_does_not_succeed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audited", str(tmp_path / "none.json")]) == ExitCode.NOT_WHOLE
    (tmp_path / "empty.json").write_text(json.dumps(report()))
    assert main(["audited", str(tmp_path / "empty.json")]) == ExitCode.NOT_WHOLE
    assert "NOT audited" in capsys.readouterr().err
