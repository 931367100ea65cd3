"""Operators' rulings: whose they are, whether they are new, and when a repair may be applied.

A repair was computed by an operator's `scarcity audit counterfactual` from the ledger up to a base.
It is applied only when the ledger still ends there: then nothing that was learned meanwhile is
lost, and an audit can compute the same. When versions were made since, it comes too late; all
domains then wait for HOLD_S, so that the operator's next attempt finds the ledger's end as it was.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError, InputError, Reason
from scarcity.events.headers import MSGPACK_TYPE, event_headers
from scarcity.events.meta_state import MetaState
from scarcity.events.ruling import Ruling
from scarcity.events.topics import RULINGS
from scarcity.events.types import Outgoing, Record
from scarcity.keys.signed_events import judge_event
from scarcity.keys.signing import TrustedKeys, Verdict
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.meta.state_codec import WRITER_KEY, decode_family, decode_learned

HOLD_S: Final = 10.0
MAX_RULING_BYTES: Final = (4 << 20) - 4096  # topics.yaml allows 4 MiB with key and headers


@dataclass(frozen=True)
class Repair:
    """A repair that can be applied.

    Attributes:
        offset: of the ruling in `rulings`.
        domains, families: states as they would be without the clients.
    """

    offset: int
    ruling: Ruling
    domains: dict[str, tuple[str, DomainState]]
    families: dict[str, FamilyState]


def read_ruling(record: Record, operators: TrustedKeys) -> Ruling:
    """Decode a ruling and check whose it is.

    Raises:
        EventError: it is malformed, or not signed by an operator that is trusted here.
    """
    ruling = decode_msgpack(record.value, Ruling, limit=MAX_RULING_BYTES)
    verdict = judge_event(ruling, operators)
    if verdict is not Verdict.GOOD:
        known = ", ".join(operators.ids) or "none: set SCARCITY_META_OPERATOR_KEYS"
        raise EventError(
            Reason.SIGNATURE,
            f"the ruling's signature is {verdict} (key {ruling.key_id[:40] or 'none'}; operators' "
            f"keys known here: {known})",
        )
    if not ruling.domains or not ruling.clients:
        raise EventError(Reason.MALFORMED, "a ruling names at least one domain and one client")
    return ruling


def check_newer(ruling: Ruling, domain: str, ruled: tuple[int, int]) -> None:
    """Refuse a ruling that was given before the last one of its domain.

    Raises:
        EventError: it is not newer.
    """
    if ruling.ruled_at_ms <= ruled[1]:
        raise EventError(
            Reason.SIGNATURE,
            f"the ruling of {domain} was given at {ruling.ruled_at_ms}, not after the last one "
            f"({ruled[1]}): somebody repeated it",
        )


def read_repair(ruling: Ruling, offset: int) -> Repair:
    """Decode the states of a repair.

    Raises:
        EventError: a state is not complete, or a domain's family is missing.
    """
    families = {s.family: decode_family(s) for s in ruling.states if _is_family(s)}
    domains = {s.key: (s.family, decode_learned(s)) for s in ruling.states if not _is_family(s)}
    missing = {family for family, _ in domains.values()} - families.keys()
    if missing or not domains or not domains.keys() >= set(ruling.domains):
        raise EventError(Reason.MALFORMED, "a repair holds the states of its domains and families")
    return Repair(offset, ruling, domains, families)


def check_shapes(repaired: DomainState, current: DomainState) -> None:
    """Refuse a repaired state whose figures cannot take the place of the domain's.

    Raises:
        EventError: a tensor has another shape, or parameters that are no numbers.
    """
    told, _ = repaired.to_tensors()
    known, _ = current.to_tensors()
    for name, tensor in told.items():
        shape = known[name].shape if name in known else current.z.shape
        if tensor.shape != shape:
            raise EventError(
                Reason.MALFORMED, f"{name} of the repair is {tensor.shape}, here it is {shape}"
            )
    if not np.isfinite(repaired.z).all():
        raise EventError(Reason.NOT_FINITE, "the repair's parameters are not all numbers")


def ruling_record(ruling: Ruling, *, at_ms: int) -> Outgoing:
    """A signed ruling for `rulings`.

    Raises:
        InputError: it does not fit into one record.
    """
    key = "*" if ruling.kind == "repair" else ruling.domains[0]
    headers = event_headers(
        "Ruling",
        source=f"/operators/{ruling.key_id}",
        event_id=f"{key}/{ruling.ruled_at_ms}",
        at_ms=at_ms,
        content_type=MSGPACK_TYPE,
    )
    value = encode_msgpack(ruling)
    if len(value) > MAX_RULING_BYTES:
        raise InputError(
            f"the ruling has {len(value)} bytes, more than the {MAX_RULING_BYTES} that one record "
            "may have: a repair of so many domains at once is not possible"
        )
    return Outgoing(RULINGS, key.encode(), value, headers, partition=0)


def _is_family(state: MetaState) -> bool:
    return state.key.startswith(WRITER_KEY)
