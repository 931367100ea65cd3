"""`scarcity ca`, `enrol`, `join` as an operator and a hospital's administrator type them."""

from pathlib import Path

import pytest

from scarcity import cli


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCARCITY_CA_DIR", str(tmp_path / "ca"))
    monkeypatch.setenv("SCARCITY_IDENTITY_DIR", str(tmp_path / "id"))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ca", "init"]) == 0
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(list(words)) == code
    out, err = capsys.readouterr()
    return err if code else out


def test_the_whole_way_from_invitation_to_renewal(
    office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "memory's secret" in told(capsys, "ca", "memory-key", "memory.secret")
    said = told(capsys, "enrol", "hospital-a", "--domain", "medical", "--epsilon", "6")
    assert said.startswith("sct1.")
    assert "holds no secret" in told(capsys, "join", said.strip())
    assert "no certificate yet" in told(capsys, "join", code=2)
    assert "until" in told(capsys, "enrol", "--sign", "id/client.request")
    assert "was used already" in told(capsys, "enrol", "--sign", "id/client.request", code=2)
    assert "364 days left" in told(capsys, "join", "--certificate", "hospital-a.cert")
    assert "client 'hospital-a' of domain 'medical'" in told(capsys, "join")
    assert "medical: hospital-a, serial " in (before := told(capsys, "ca", "list"))
    told(capsys, "join", "--renew")
    told(capsys, "enrol", "--sign", "id/client.request", "--out", "next.cert")
    told(capsys, "join", "--certificate", "next.cert")
    assert told(capsys, "ca", "list") != before


def test_a_token_may_come_in_a_file(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "enrol", "a", "--domain", "medical", "--out", "token")
    assert (office / "token").stat().st_mode & 0o777 == 0o600
    told(capsys, "join", "token")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("enrol", "a"), "give CLIENT and --domain"),
        (("enrol", "a", "--domain", "Medical"), "lower-case"),
        (("enrol", "a", "--domain", "medical", "--expires", "0"), "--expires 0"),
        (("enrol", "a", "--domain", "medical", "--token-days", "nan"), "--token-days nan"),
        (("enrol", "a", "--domain", "medical", "--epsilon", "-1"), "--epsilon -1"),
        (("enrol", "--sign", "absent"), "absent: cannot be read"),
        (("join", "absent"), "absent: cannot be read"),
        (("join", "sct1.x", "--renew"), "give one of"),
        (("join", "--renew"), "client.key"),
        (("ca", "init"), "holds a register already"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    office: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    said = told(capsys, *words, code=2)
    assert says in said
    assert said.count("\n") == 1


def test_directories_must_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SCARCITY_CA_DIR", raising=False)
    monkeypatch.delenv("SCARCITY_IDENTITY_DIR", raising=False)
    assert "--ca DIR or SCARCITY_CA_DIR" in told(capsys, "ca", "list", code=2)
    assert "--identity DIR or SCARCITY_IDENTITY_DIR" in told(capsys, "join", code=2)
