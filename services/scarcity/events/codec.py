"""Bytes to typed events and back: JSON for scalar events, msgpack for tensor events.

Readers ignore unknown fields and refuse a higher major ``schema_version``. The version is looked
at even when the rest does not decode, so that a future event is parked as such and not as garbage.
"""

from functools import lru_cache
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


def canonical_json(event: msgspec.Struct) -> bytes:
    """The one JSON of an event that hashes are taken of: sorted keys, nothing that has its default.

    Defaults are told by value: ``omit_defaults`` tells them by identity, so that an event and its
    decoded copy encode differently. A later schema minor may add fields: they have defaults.

    >>> from scarcity.events.ledger_entry import RoundPolicy
    >>> canonical_json(RoundPolicy(mode="async", min_clients=2))
    b'{"mode":"async"}'
    """
    return orjson.dumps(event, default=_without_defaults, option=orjson.OPT_SORT_KEYS)


def _without_defaults(event: msgspec.Struct) -> dict[str, Any]:
    defaults = _defaults(type(event))
    fields = msgspec.structs.asdict(event)
    return {name: v for name, v in fields.items() if name not in defaults or v != defaults[name]}


@lru_cache(maxsize=64)
def _defaults(kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(kind)
    made = {
        f.name: f.default_factory() for f in fields if f.default_factory is not msgspec.NODEFAULT
    }
    return made | {f.name: f.default for f in fields if f.default is not msgspec.NODEFAULT}
