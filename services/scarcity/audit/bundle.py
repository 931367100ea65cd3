"""An audit bundle: what an audit needs, in one file that a third party checks without a broker.

A zip of `manifest.json` and one file of JSON lines a topic. A line is a record as the log held it:
position, timestamp, headers, and key and value byte for byte (as text, or base64 where they are no
UTF-8). The manifest tells the SHA-256 of every file: that finds damage. What finds deceit are the
hashes in the ledger, and they are checked as on a live cluster.
"""

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from scarcity import __version__
from scarcity.audit.chain import read_chain
from scarcity.audit.inputs import positions
from scarcity.audit.log import AuditLog, Head
from scarcity.events.codec import SCHEMA_VERSION, refuse_newer
from scarcity.events.errors import EventError, InputError, ServiceError
from scarcity.events.topics import CHECKPOINTS, LEDGER, RULINGS, SECAGG_TERMS_PREFIX
from scarcity.events.types import Position, Record
from scarcity.learning.online_maml import LearningSettings
from scarcity.memory.authority import is_revocation

FORMAT: Final = "scarcity-audit-bundle"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
# Records as text shrink tenfold; a file made to fill a reader's memory shrinks a thousandfold.
MOST_INFLATED: Final = 200
LITTLE: Final = 1 << 10
# The same records give the same bytes: a zip would otherwise hold the time of its making.
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


class Member(msgspec.Struct, frozen=True):
    """A file of the bundle: a topic's records."""

    topic: str
    records: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What is in a bundle.

    Attributes:
        head_length, head_hash: the ledger's end as its writer noted it; 0 and empty: not noted.
        whole: all insights that the topics kept, not only those that versions used.
        first_offsets: by insights topic and partition, the first record that was still kept.
        settings: learning settings that the exporter knew; the ledger's hash proves them.
        members: by file name.
        noise_keys: of domains with central noise. They tell no more than the insights beside them.
    """

    format: str
    format_version: int
    schema_version: str
    code_version: str
    exported_at_ms: int
    head_length: int
    head_hash: str
    whole: bool
    first_offsets: dict[str, dict[int, int]]
    settings: list[LearningSettings]
    members: dict[str, Member]
    noise_keys: dict[str, bytes] = {}


def write_bundle(
    path: Path,
    log: AuditLog,
    settings: Iterable[LearningSettings],
    *,
    exported_at_ms: int,
    all_insights: bool = False,
) -> Manifest:
    """Write a bundle; nothing is left behind when it cannot be finished.

    Args:
        settings: learning settings to go with it.
        all_insights: also those that no version used: a replay of the memory needs them.

    Raises:
        InputError: the file cannot be written, or all insights are asked of a log without them.
    """
    if all_insights and not log.is_whole:
        raise InputError("this bundle holds used insights only: export all from the broker")
    files = {
        f"{LEDGER}.jsonl": (LEDGER, log.ledger),
        f"{RULINGS}.jsonl": (RULINGS, log.rulings),
        f"{CHECKPOINTS}.jsonl": (CHECKPOINTS, log.checkpoints),
    }
    used = {p for link in read_chain(log.ledger).links for p in positions(link.entry)}
    for topic, records in sorted({**log.insights, **log.terms}.items()):
        kept = records if all_insights else tuple(
            r for r in records if r.position in used or is_revocation(r)
        )  # fmt: skip
        files[f"{topic}.jsonl"] = (topic, kept)
    contents = {name: _lines(records) for name, (_, records) in files.items()}
    first: dict[str, dict[int, int]] = {}
    for (topic, partition), offset in sorted(log.first_offsets.items()):
        first.setdefault(topic, {})[partition] = offset
    manifest = Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        schema_version=SCHEMA_VERSION,
        code_version=__version__,
        exported_at_ms=exported_at_ms,
        head_length=log.head.length if log.head else 0,
        head_hash=log.head.ledger_hash if log.head else "",
        whole=all_insights,
        first_offsets=first,
        settings=list(settings),
        members={
            name: Member(topic, len(records), hashlib.sha256(contents[name]).hexdigest())
            for name, (topic, records) in files.items()
        },
        noise_keys=dict(sorted(log.noise_keys.items())),
    )
    _write(path, {MANIFEST: _manifest_json(manifest), **contents})
    return manifest


def read_bundle(path: Path) -> tuple[AuditLog, Manifest]:
    """Read a bundle.

    Raises:
        InputError: the file is no bundle, or one of a newer format.
        ServiceError: it was damaged or changed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(path, archive)
            contents = {name: _member(path, archive, name) for name in manifest.members}
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: is no audit bundle that can be read: {error}") from None
    records: dict[str, tuple[Record, ...]] = {}
    for name, member in manifest.members.items():
        if hashlib.sha256(contents[name]).hexdigest() != member.sha256:
            raise _changed(path, f"{name} has not the SHA-256 that the manifest tells")
        records[member.topic] = _records(path, name, member, contents[name])
    head = Head(manifest.head_length, manifest.head_hash) if manifest.head_length else None
    first = {
        (topic, partition): offset
        for topic, offsets in manifest.first_offsets.items()
        for partition, offset in offsets.items()
    }
    log = AuditLog(
        ledger=records.pop(LEDGER, ()),
        rulings=records.pop(RULINGS, ()),
        checkpoints=records.pop(CHECKPOINTS, ()),
        insights={t: r for t, r in records.items() if not t.startswith(SECAGG_TERMS_PREFIX)},
        terms={t: r for t, r in records.items() if t.startswith(SECAGG_TERMS_PREFIX)},
        first_offsets=first,
        head=head,
        is_whole=manifest.whole,
        noise_keys=manifest.noise_keys,
    )
    return log, manifest


def _manifest_json(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in files.items():
                info = zipfile.ZipInfo(name, _ZIP_TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error}") from None


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    raw = _member(path, archive, MANIFEST)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
        refuse_newer(manifest.schema_version)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, EventError) as error:
        raise InputError(f"{path}: its manifest cannot be read: {error}") from None
    if manifest.format != FORMAT or manifest.format_version > FORMAT_VERSION:
        raise InputError(
            f"{path}: is of format {manifest.format[:40]} {manifest.format_version}; this reader "
            f"knows {FORMAT} up to {FORMAT_VERSION}"
        )
    return manifest


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        told = archive.getinfo(name)
        if told.file_size > MOST_INFLATED * max(told.compress_size, LITTLE):
            raise _changed(path, f"{name} would grow to {told.file_size} bytes, as no log does")
        return archive.read(name)
    except KeyError:
        raise InputError(f"{path}: holds no {name}: it is no audit bundle, or not whole") from None
    except zipfile.BadZipFile as error:
        raise _changed(path, f"{name}: {error}") from None


def _changed(path: Path, what: str) -> ServiceError:
    return ServiceError(f"{path}: was damaged or changed: {what}; get it anew from its exporter")


def _lines(records: Iterable[Record]) -> bytes:
    return b"".join(orjson.dumps(_plain(r), option=orjson.OPT_APPEND_NEWLINE) for r in records)


def _plain(record: Record) -> dict[str, Any]:
    return {
        "partition": record.position.partition,
        "offset": record.position.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": _text(record.key),
        "headers": [[name, _text(value)] for name, value in record.headers],
        "value": _text(record.value),
    }


def _text(raw: bytes | None) -> str | dict[str, str] | None:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


class _Base64(msgspec.Struct, forbid_unknown_fields=True):
    base64: bytes


class _Line(msgspec.Struct):
    partition: int
    offset: int
    timestamp_ms: int
    key: str | _Base64 | None
    headers: list[tuple[str, str | _Base64]]
    value: str | _Base64 | None


def _records(path: Path, name: str, member: Member, content: bytes) -> tuple[Record, ...]:
    try:
        lines = msgspec.json.Decoder(_Line).decode_lines(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: {name} is not of this format: {error}") from None
    if len(lines) != member.records:
        raise _changed(path, f"{name} has {len(lines)} records, not {member.records}")
    return tuple(_record(member.topic, line) for line in lines)


def _record(topic: str, line: _Line) -> Record:
    return Record(
        Position(topic, line.partition, line.offset),
        _raw(line.key),
        _raw(line.value),
        line.timestamp_ms,
        tuple((name, _raw(value) or b"") for name, value in line.headers),
    )


def _raw(text: str | _Base64 | None) -> bytes | None:
    if text is None:
        return None
    return text.encode() if isinstance(text, str) else text.base64
