"""A board that has read a short life of some domains."""

from collections.abc import Iterable

import msgspec
from tests.monitor import records

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.all import make
from scarcity.dashboard.pages.common import Document, Question, State
from scarcity.events.codec import decode_json, decode_msgpack, encode_json, encode_msgpack
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.tensor import TensorPayload
from scarcity.events.types import EXPERT_COUNT, FEATURE_COUNT, Record

NOW_MS = 1_700_000_000_000
EVIL = "<img src=x onerror='window.owned=1'>&</script>"


def board_of(found: Iterable[Record], memory_limit: int = 0) -> Board:
    board = Board(memory_limit)
    board.fold(found)
    return board


def page(board: Board, name: str, state: State | None = None, **arguments: str) -> Document:
    question = Question(name, tuple(arguments.items()))
    return make(board, state or State(caught_up=True), question, NOW_MS)


def floats(*shape: int, value: float) -> TensorPayload:
    import numpy as np

    return TensorPayload(shape, "float64", np.full(shape, value, "<f8").tobytes())


def parameters(domain: str, version: int, *, rate: float, losses: float, at_ms: int) -> Record:
    """Meta-parameters whose learning rates have the logarithm ``rate``."""
    plain = records.parameters(domain, version, source_ms=at_ms - 40, at_ms=at_ms)
    event = decode_msgpack(plain.value, MetaParameters)
    event = msgspec.structs.replace(
        event,
        alpha=floats(EXPERT_COUNT, FEATURE_COUNT, value=rate),
        domain_losses=floats(EXPERT_COUNT, value=losses),
        start_losses=floats(EXPERT_COUNT, value=0.5),
    )
    return plain._replace(value=encode_msgpack(event))


def tried(client: str, domain: str, **starts: float) -> Record:
    """An insight of a client that tries the starts of a new domain."""
    plain = records.insight(client, domain)
    event = decode_json(plain.value, Insight)
    event.expert_insights["expert_0"].candidate_losses = dict(starts)
    return plain._replace(value=encode_json(event))


def weights(client: str, domain: str, at_ms: int, *, evicted: list[str], **counts: int) -> Record:
    event = GossipWeights(client, domain, 1, 1, b"", evicted=evicted, **counts)
    plain = records.weights(client, domain, exchanges=0)
    return plain._replace(value=encode_msgpack(event), timestamp_ms=at_ms)


def chained(found: Iterable[Record]) -> list[Record]:
    """Records whose ledger entries each name the hash of the one before."""
    parent, result = "", []
    for record in found:
        if record.position.topic == "ledger":
            entry = decode_json(record.value, LedgerEntry)
            entry = msgspec.structs.replace(entry, parent=parent)
            parent = entry.hash()
            record = record._replace(value=encode_json(entry))
        result.append(record)
    return result
