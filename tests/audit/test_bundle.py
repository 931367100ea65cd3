"""A bundle gives the records back byte for byte and is checked without a broker."""

import asyncio
import zipfile
from pathlib import Path

import pytest
from tests.audit.ledgers import World, three_domains

from scarcity.audit.bundle import MANIFEST, read_bundle, write_bundle
from scarcity.audit.log import AuditLog, read_log
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection
from scarcity.audit.verification import verify
from scarcity.events.errors import InputError, ServiceError
from scarcity.events.topics import insights_topic
from scarcity.events.types import Outgoing
from scarcity.learning.online_maml import LearningSettings


@pytest.fixture(scope="module")
def log() -> AuditLog:
    world = three_domains(2)
    # No version uses this one: it is no insight, and no UTF-8 either.
    world.append_insight(
        Outgoing(insights_topic("retail"), b"\xff", b"\xfe\x00", (("h", b"\xff"),))
    )
    return asyncio.run(world.read())


def write(path: Path, log: AuditLog, *, all_insights: bool = False) -> None:
    write_bundle(path, log, KnownRules().settings, exported_at_ms=7_000, all_insights=all_insights)


def rewrite(path: Path, name: str, old: bytes, new: bytes) -> None:
    """Change a file inside a bundle."""
    with zipfile.ZipFile(path) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for one, content in files.items():
            archive.writestr(one, content)


def test_a_bundle_of_everything_gives_the_log_back(log: AuditLog, tmp_path: Path) -> None:
    write(tmp_path / "b.zip", log, all_insights=True)
    again, manifest = read_bundle(tmp_path / "b.zip")
    assert again == log
    assert manifest.members["ledger.jsonl"].records == len(log.ledger)


def test_a_bundle_of_used_insights_verifies_and_leaves_the_others_out(
    log: AuditLog, tmp_path: Path
) -> None:
    write(tmp_path / "b.zip", log)
    again, _ = read_bundle(tmp_path / "b.zip")
    assert not again.is_whole
    assert len(again.insights["insights.retail"]) == len(log.insights["insights.retail"]) - 1
    report = verify(again, Selection(), KnownRules())
    assert (report.equal, report.is_sound, report.is_complete) == (11, True, True)


def test_the_same_log_gives_the_same_bytes(log: AuditLog, tmp_path: Path) -> None:
    write(tmp_path / "a.zip", log)
    write(tmp_path / "b.zip", log)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_changed_file_is_found_by_the_manifest(log: AuditLog, tmp_path: Path) -> None:
    write(tmp_path / "b.zip", log)
    rewrite(tmp_path / "b.zip", "insights.retail.jsonl", b'"offset":0', b'"offset":9')
    with pytest.raises(ServiceError, match=r"insights.retail.jsonl has not the SHA-256"):
        read_bundle(tmp_path / "b.zip")


def test_a_change_that_the_manifest_covers_up_is_found_by_the_ledger(
    log: AuditLog, tmp_path: Path
) -> None:
    changed = []
    for record in log.insights["insights.clinic"]:
        assert record.value is not None
        changed.append(record._replace(value=record.value.replace(b'"slopes":[', b'"slopes":[7')))
    insights = {**log.insights, "insights.clinic": tuple(changed)}
    write(tmp_path / "b.zip", AuditLog(log.ledger, insights, log.first_offsets, log.head))
    again, _ = read_bundle(tmp_path / "b.zip")
    report = verify(again, Selection(), KnownRules())
    assert report.differing[0].version == "clinic@1"
    assert report.differing[0].differences[0].name == "inputs_hash"


async def test_the_settings_of_the_learning_rules_travel_with_the_bundle(tmp_path: Path) -> None:
    settings = LearningSettings(gate=False)
    world = World(settings=settings)
    world.add_domain("retail")
    world.round("retail")
    log = await read_log(world.log)
    write_bundle(tmp_path / "b.zip", log, [settings], exported_at_ms=0)
    again, manifest = read_bundle(tmp_path / "b.zip")
    assert verify(again, Selection(), KnownRules(manifest.settings)).equal == 2


def test_what_is_no_bundle_is_refused_by_name(log: AuditLog, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="text: is no audit bundle"):
        read_bundle(tmp_path / "text")
    with pytest.raises(InputError, match="missing: is no audit bundle"):
        read_bundle(tmp_path / "missing")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        read_bundle(tmp_path / "z.zip")


def test_a_bundle_of_a_newer_format_asks_for_a_newer_reader(log: AuditLog, tmp_path: Path) -> None:
    write(tmp_path / "b.zip", log)
    rewrite(tmp_path / "b.zip", MANIFEST, b'"format_version": 1', b'"format_version": 2')
    with pytest.raises(InputError, match="up to 1"):
        read_bundle(tmp_path / "b.zip")


def test_a_bundle_that_cannot_be_written_leaves_nothing_behind(
    log: AuditLog, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "no" / "b.zip", log)
    assert list(tmp_path.iterdir()) == []


def test_all_insights_cannot_be_had_from_a_bundle_without_them(
    log: AuditLog, tmp_path: Path
) -> None:
    write(tmp_path / "b.zip", log)
    again, _ = read_bundle(tmp_path / "b.zip")
    with pytest.raises(InputError, match="used insights only"):
        write(tmp_path / "c.zip", again, all_insights=True)


def test_a_member_made_to_fill_the_memory_is_not_unpacked(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    write(path, log)
    with zipfile.ZipFile(path) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    files["ledger.jsonl"] = bytes(10_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in files.items():
            archive.writestr(one, content)
    with pytest.raises(ServiceError, match="would grow to 10000000 bytes"):
        read_bundle(path)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"format":' * 50_000])
def test_a_manifest_that_nests_without_end_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.bundle"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", raw)
    with pytest.raises(InputError) as refused:
        read_bundle(path)
    assert "\n" not in str(refused.value)
