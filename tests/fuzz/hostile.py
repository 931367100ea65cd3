"""Bytes that a decoder should never have to meet: mutated events, and shapes made to hurt."""

import struct
from typing import Any

import msgspec
from hypothesis import strategies as st
from tests.events.strategies import event_of

from scarcity.broker.schemas import EVENTS
from scarcity.events.codec import MAX_EVENT_BYTES, encode_msgpack

DEEP = 100_000
# Claims of four thousand million items, in every msgpack shape that can claim them.
CLAIMS = [bytes([tag]) + struct.pack(">I", 0xFFFFFFFF) for tag in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)]
HOSTILE: list[bytes] = [
    b"",
    b"\x00",
    b"\xc1",
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"\x91" * DEEP,
    b"\x81\xa1a" * DEEP,
    *CLAIMS,
    *(b"\x81\xa7tensors" + claim for claim in CLAIMS),
    b'{"rows": ' + b"9" * 100_000 + b"}",
    b'{"rows": 1e' + b"9" * 100_000 + b"}",
    b'{"rows": NaN, "x": Infinity, "y": -Infinity}',
    b'{"client_id": "' + b"\\u0000" * 50_000 + b'"}',
    b'{"client_id": "\xed\xa0\x80"}',
    b'{"client_id": "\\ud800"}',
    b"{" + b",".join(b'"k%d":0' % n for n in range(50_000)) + b"}",
    b'"' + b"a" * (MAX_EVENT_BYTES - 2) + b'"',
    b" " * (MAX_EVENT_BYTES + 1),
    b"\xef\xbb\xbf{}",
    b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93.",  # a pickle
    b"!!python/object/apply:os.system ['true']",
]


@st.composite
def mutated(draw: st.DrawFn, kind: str, encode: Any) -> bytes:
    """The bytes of a valid event with some of them changed, cut out, doubled or put in."""
    raw = bytearray(encode(draw(event_of(EVENTS[kind]))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        length = draw(st.integers(0, 16))
        match draw(st.sampled_from(("flip", "cut", "double", "insert", "end"))):
            case "flip" if raw:
                raw[at] ^= draw(st.integers(1, 255))
            case "cut":
                del raw[at : at + length]
            case "double":
                raw[at:at] = raw[at : at + length]
            case "insert":
                raw[at:at] = draw(st.binary(max_size=16))
            case _:
                del raw[at:]
    return bytes(raw)


def values_of(kind: str, tensors: bool) -> st.SearchStrategy[bytes]:
    """Values for a topic of these events: valid ones, mutated ones, random and hostile ones."""
    encode = encode_msgpack if tensors else msgspec.json.encode
    return st.one_of(mutated(kind, encode), mutated(kind, encode), st.binary(max_size=64), _HOSTILE)


# By number: a list of a hundred kilobytes would be printed whole with every failure.
_HOSTILE = st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__)
