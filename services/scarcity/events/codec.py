"""Bytes to typed events and back: JSON for scalar events, msgpack for tensor events.

Readers ignore unknown fields and refuse a higher major ``schema_version``. The version is looked
at even when the rest does not decode, so that a future event is parked as such and not as garbage.
"""

from typing import Any, TypeVar

import msgpack
import msgspec
import orjson

from scarcity.events.errors import EventError, Reason

MAJOR_VERSION = 1
SCHEMA_VERSION = "1.0"
MAX_EVENT_BYTES = 1 << 20  # also the brokers' default limit of a message

E = TypeVar("E", bound=msgspec.Struct)


class _Versioned(msgspec.Struct):
    schema_version: str = SCHEMA_VERSION


_json_version = msgspec.json.Decoder(_Versioned)
_msgpack_version = msgspec.msgpack.Decoder(_Versioned)


def refuse_newer(schema_version: str) -> None:
    """Raise EventError when the major version is above ours, or is no version at all."""
    if schema_version == SCHEMA_VERSION:
        return
    major, _, _ = schema_version.partition(".")
    if not major.isascii() or not major.isdigit() or len(major) > 6:
        raise EventError(Reason.MALFORMED, f"schema_version {schema_version[:40]!r} is no version")
    if int(major) > MAJOR_VERSION:
        raise EventError(
            Reason.SCHEMA_VERSION,
            f"schema_version {schema_version[:40]} is newer than {SCHEMA_VERSION}: "
            "upgrade this reader",
        )


def _refuse_size(value: bytes | None, limit: int) -> bytes:
    if not value:
        raise EventError(Reason.EMPTY, "the value is empty")
    if len(value) > limit:
        raise EventError(Reason.TOO_LARGE, f"{len(value)} bytes; at most {limit} are read")
    return value


def decode_json(value: bytes | None, kind: type[E], *, limit: int = MAX_EVENT_BYTES) -> E:
    """Decode a JSON event.

    Raises:
        EventError: empty, too large, malformed or of a newer major version.

    >>> from scarcity.events.gossip_plan import GossipPlan
    >>> decode_json(b'{"client_id": "a", "domain": "d", "cycle": 1, "new": 0}', GossipPlan).cycle
    1
    """
    raw = _refuse_size(value, limit)
    try:
        event = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _check_version(_json_version, raw)
        raise EventError(Reason.MALFORMED, f"not a {kind.__name__}: {error}") from None
    refuse_newer(getattr(event, "schema_version", SCHEMA_VERSION))
    return event


def decode_msgpack(value: bytes | None, kind: type[E], *, limit: int = MAX_EVENT_BYTES) -> E:
    """Decode a msgpack event; raises as :func:`decode_json` does."""
    raw = _refuse_size(value, limit)
    try:
        event = msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _check_version(_msgpack_version, raw)
        raise EventError(Reason.MALFORMED, f"not a {kind.__name__}: {error}") from None
    refuse_newer(getattr(event, "schema_version", SCHEMA_VERSION))
    return event


def _check_version(decoder: Any, raw: bytes) -> None:
    try:
        version = decoder.decode(raw).schema_version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    refuse_newer(version)


def encode_json(event: msgspec.Struct) -> bytes:
    """Encode a scalar event. JSON has no NaN or infinity: such numbers become null."""
    return orjson.dumps(_plain(event))


def encode_msgpack(event: msgspec.Struct) -> bytes:
    """Encode a tensor event: a map of plain values, raw bytes for tensors, never pickle."""
    packed: bytes = msgpack.packb(_plain(event))
    return packed


def _plain(event: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(bytes,))
    # A version is always written, also by structs that leave out what has its default.
    version = getattr(event, "schema_version", None)
    return plain if version is None else plain | {"schema_version": version}
