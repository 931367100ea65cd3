"""How a client's prior is made unreadable to all but its peers, and readable again.

Within one process (the simulation, a notebook) nothing is sealed: see
docs/decisions/0015-sealed-gossip.md.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from scarcity.client.peer_keys import PeerKeys
from scarcity.client.refusals import RefusedError
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights, Refusal, SealedDeviation
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.keys.sealing import (
    CONTENT_KEY_BYTES,
    DoesNotOpenError,
    NotForThisKeyError,
    open_sealed,
    seal,
)

PLAIN: Final = "none"
SEALED: Final = "hpke-1"
LABEL: Final = "scarcity gossip 1"


class Sealing(Protocol):
    """What becomes of a payload on its way. ``name``: as GossipWeights tells it."""

    name: str

    def reached(self, plan: GossipPlan) -> list[str]:
        """The peers of a plan that could read."""
        ...

    def seal(self, plain: bytes, plan: GossipPlan, base_version: int) -> bytes:
        """The payload of a message of the plan's client."""
        ...

    def open(self, weights: GossipWeights, reader: str) -> bytes:
        """What a message holds, read by a client of this process.

        Raises:
            RefusedError: it cannot be opened.
        """
        ...

    def reader(self, client: str) -> bytes:
        """Alike for clients of this process that open the same messages."""
        ...


class InTheClear:
    """Nothing is sealed: within a process, or in a domain that says so."""

    name = PLAIN

    def reached(self, plan: GossipPlan) -> list[str]:
        """All."""
        return plan.peers

    def seal(self, plain: bytes, plan: GossipPlan, base_version: int) -> bytes:  # noqa: ARG002
        """As it is."""
        return plain

    def open(self, weights: GossipWeights, reader: str) -> bytes:  # noqa: ARG002
        """As it is."""
        if weights.sealing != PLAIN:
            raise RefusedError(Refusal.MALFORMED, f"sealing {weights.sealing!r} is not known here")
        return weights.payload

    def reader(self, client: str) -> bytes:  # noqa: ARG002
        """All are alike."""
        return b""


class GroupSealing:
    """Sealed for the peers of the sender's plan and for no one else.

    A peer that is no longer in the plan gets nothing of this cycle or any later one. A client whose
    keys outlast its process is wrapped for too, so that a restart goes on with its prior.

    Args:
        own: keys of the clients of this process.
        peers: keys of the others.
        entropy: random bytes for content keys.
    """

    name = SEALED

    def __init__(
        self,
        own: Mapping[str, GossipKeys],
        peers: PeerKeys,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._own = own
        self._peers = peers
        self._entropy = entropy

    def reached(self, plan: GossipPlan) -> list[str]:
        """Those that registered a key."""
        return [peer for peer in plan.peers if self._peers.of(peer) is not None]

    def seal(self, plain: bytes, plan: GossipPlan, base_version: int) -> bytes:
        """msgpack of a SealedDeviation."""
        found = [self._peers.of(peer) for peer in plan.peers]
        readers = [keys.exchange for keys in found if keys is not None]
        own = self._own[plan.client_id]
        if own.lasting:
            readers.append(own.public.exchange)
        bound = associated_data(plan.domain, plan.client_id, plan.cycle, base_version)
        return encode_msgpack(seal(plain, bound, readers, self._entropy(CONTENT_KEY_BYTES)))

    def open(self, weights: GossipWeights, reader: str) -> bytes:
        """msgpack of a GossipDeviation."""
        if weights.sealing != SEALED:
            raise RefusedError(
                Refusal.UNSEALED, f"its message is sealed as {weights.sealing!r}, not {SEALED!r}"
            )
        bound = associated_data(
            weights.domain, weights.client_id, weights.cycle, weights.base_version
        )
        try:
            sealed = decode_msgpack(weights.payload, SealedDeviation)
            return open_sealed(sealed, bound, self._own[reader].exchange)
        except NotForThisKeyError as error:
            raise RefusedError(Refusal.NOT_FOR_US, str(error)) from None
        except DoesNotOpenError as error:
            raise RefusedError(Refusal.DOES_NOT_OPEN, str(error)) from None
        except EventError as error:
            raise RefusedError(Refusal.MALFORMED, str(error)) from None

    def reader(self, client: str) -> bytes:
        """Name of its key; clients without an identity share one."""
        return self._own[client].exchange.key_id


def associated_data(domain: str, sender: str, cycle: int, base_version: int) -> bytes:
    """What a sealed payload is bound to; no two messages that differ here share it.

    >>> associated_data("a", "bc", 1, 0) == associated_data("ab", "c", 1, 0)
    False
    """
    return msgspec.msgpack.encode((LABEL, domain, sender, cycle, base_version))
