"""`scarcity audit` with keys, checkpoints and halving: what is printed, and the exit codes."""

import asyncio
from pathlib import Path

import pytest
from tests.audit.ledgers import OPERATOR, WRITER, linked_anew, three_domains, with_entry

from scarcity import cli
from scarcity.audit.bundle import write_bundle
from scarcity.audit.log import AuditLog
from scarcity.keys.files import public_pem, write_key


@pytest.fixture(scope="module")
def log() -> AuditLog:
    return asyncio.run(three_domains(3, signing=WRITER, checkpoint_versions=2).read())


@pytest.fixture
def bundle(log: AuditLog, tmp_path: Path) -> Path:
    return written(log, tmp_path / "bundle.zip")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Public keys of two writers, one after the other."""
    path = tmp_path / "trusted.pem"
    path.write_bytes(public_pem(OPERATOR.public) + public_pem(WRITER.public))
    return path


def written(log: AuditLog, path: Path) -> Path:
    write_bundle(path, log, [], exported_at_ms=0, all_insights=True)
    return path


def audit(*words: str | Path) -> int:
    return cli.main(["audit", *map(str, words)])


def test_signatures_are_checked_in_a_bundle(
    bundle: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("verify", "--offline", bundle, "--require-signatures", "--trusted-keys", keys)
    assert audit(*words) == 0
    assert f"signatures: 15 of 15 by key {WRITER.public.key_id} hold" in capsys.readouterr().out
    assert audit("verify", "--offline", bundle) == 0
    assert "15 by key" in (told := capsys.readouterr().out)
    assert "not checked: give --trusted-keys FILE" in told


def test_a_false_signature_is_a_fault_and_a_missing_one_where_it_is_required(
    log: AuditLog, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = len(log.ledger) - 1
    forged = written(linked_anew(with_entry(log, last, closed_by="x")), tmp_path / "forged.zip")
    assert audit("verify", "--offline", forged, "--trusted-keys", keys) == 1
    assert "signature: clinic@3: its signature is not that of key" in capsys.readouterr().out
    bare = linked_anew(with_entry(log, last, signature="", key_id=""))
    bare_file = written(bare, tmp_path / "bare.zip")
    assert audit("verify", "--offline", bare_file, "--trusted-keys", keys) == 0
    assert "14 of 14 by key" in (told := capsys.readouterr().out)
    assert "1 unsigned (clinic@3)" in told
    words = ("--trusted-keys", keys, "--require-signatures")
    assert audit("verify", "--offline", bare_file, *words) == 1
    assert "signature: clinic@3: it is not signed" in capsys.readouterr().out


def test_a_stretch_and_a_version_from_a_checkpoint(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--offline", bundle, "--from-checkpoint")
    assert audit("verify", "--domain", "retail", "--from", "6", *words) == 0
    assert "began at the checkpoint of " in capsys.readouterr().out
    assert audit("explain", "retail@6", *words) == 0
    assert "hash equal to the ledger's" in capsys.readouterr().out
    assert audit("explain", "retail@0", *words) == 2
    assert "leave out --from-checkpoint" in capsys.readouterr().err


def test_halving_over_checkpoints(
    log: AuditLog, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("verify", "--bisect", "--offline", bundle) == 0
    assert "the last stretch is borne out" in capsys.readouterr().out
    forged = written(with_entry(log, 14, result_hash="0" * 64), tmp_path / "forged.zip")
    assert audit("verify", "--bisect", "--offline", forged) == 1
    told = capsys.readouterr().out
    assert "first version that differs: clinic@3" in told
    assert f"result_hash: the ledger says {'0' * 64}, recomputed" in told


def test_halving_against_another_copy(
    log: AuditLog, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = linked_anew(with_entry(log, 2, result_hash="0" * 64))
    other = written(forged, tmp_path / "other.zip")
    assert audit("verify", "--bisect", other, "--offline", bundle) == 1
    told = capsys.readouterr().out
    assert "the copies part at entry 3" in told
    assert "here: retail@2" in told
    assert "there: retail@2" in told
    assert "not borne out" in told
    assert audit("verify", "--bisect", bundle, "--offline", bundle) == 0
    assert "equal as far as both go" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "--require-signatures"], "--require-signatures needs --trusted-keys"),
        (["verify", "--trusted-keys", "none.pem"], "none.pem: cannot be read"),
        (["verify", "--bisect", "--domain", "retail"], "--bisect looks at the whole ledger"),
        (["verify", "--bisect", "none.zip"], "none.zip: is no audit bundle"),
        (["counterfactual", "--publish-repair"], "a repair takes clients out"),
        (
            ["counterfactual", "--publish-repair", "--without", "client-0"],
            "a repair is published to a broker",
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    bundle: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert audit(*words, "--offline", bundle) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_repair_needs_a_key_and_the_same_names_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCARCITY_OPERATOR_KEY", raising=False)
    words = ("counterfactual", "--without", "a,b", "--publish-repair", "--confirm")
    write_key(tmp_path / "operator.key", OPERATOR)
    assert audit(*words, "a", "--operator-key", tmp_path / "operator.key") == 2
    assert "--confirm names other clients" in capsys.readouterr().err
    assert audit(*words, "b,a") == 2
    assert "a ruling is signed: give --operator-key FILE" in capsys.readouterr().err
