"""Which peers' messages are let in: those that their senders signed, for us. Pure.

Judged as they arrive: whoever may write to the topic could otherwise push a peer's message out with
one of their own. The signature is over topic, key, cycle and the whole value; header `sc_gossip`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from scarcity.client.gossip_sealing import SEALED
from scarcity.client.peer_keys import PeerKeys
from scarcity.client.refusals import Refusals, RefusedError
from scarcity.events.codec import decode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights, Refusal, SealedDeviation
from scarcity.events.types import Outgoing, Record
from scarcity.keys.gossip_keys import GossipKeys
from scarcity.keys.record_signing import MAX_SEQUENCE, signed_message
from scarcity.keys.signing import SigningKey
from scarcity.keys.verifying import holds

SIGNATURE_HEADER: Final = "sc_gossip"
PURPOSE: Final = "gossip"
MAX_KEY_BYTES: Final = 1024
# An exact prior with its momentum is 10 KB, and each reader takes less than 100 bytes.
MAX_PAYLOAD_BYTES: Final = 1 << 16


def signed(outgoing: Outgoing, cycle: int, key: SigningKey) -> Outgoing:
    """The record of a message with its sender's signature."""
    message = signed_message(outgoing.topic, outgoing.key or b"", cycle, outgoing.value or b"")
    signature = key.sign(PURPOSE, message)
    return outgoing._replace(headers=(*outgoing.headers, (SIGNATURE_HEADER, signature)))


class Letterbox:
    """Lets messages in, and keeps the reasons why others were not.

    Args:
        own: keys of the clients of this process.
        peers: keys of the others.
        sealed: whether the domain's gossip is; otherwise all messages are let in.
    """

    def __init__(
        self,
        own: Mapping[str, GossipKeys],
        peers: PeerKeys,
        refusals: Refusals,
        *,
        sealed: bool = True,
    ) -> None:
        self.peers = peers
        self.sealed = sealed
        self._own = own
        self._refusals = refusals
        self._own_ids = {keys.exchange.key_id for keys in own.values()}
        self._newest: dict[str, tuple[bytes, int]] = {}
        self._strangers: dict[str, int] = {}

    def learn(self, record: Record) -> None:
        """Take a registration in.

        Raises:
            EventError: it breaks its contract.
        """
        try:
            self.peers.apply(record)
        except RefusedError as error:
            client = (record.key or b"").decode(errors="replace")
            self._refusals.add(client, error.refusal, str(error))

    def admits(
        self, record: Record, weights: GossipWeights, plans: Mapping[str, GossipPlan]
    ) -> bool:
        """Whether a message may be opened; what is not for us is passed over without a word.

        Args:
            plans: latest of each own client.
        """
        if not self.sealed:
            return True
        sender = weights.client_id
        theirs = [plan for plan in plans.values() if sender in plan.peers]
        try:
            if not self._is_for_us(weights, theirs):
                return False
            public = self.peers.of(sender)
            if public is None:
                raise RefusedError(Refusal.UNKNOWN_SENDER, "it has registered no keys")
            if not _is_signed_by(record, weights, public.signing):
                raise RefusedError(
                    Refusal.FORGED,
                    "its message is not signed with the key that it registered, or was changed",
                )
            self._refuse_replayed(weights, public.signing, theirs)
        except RefusedError as error:
            self._refusals.add(sender, error.refusal, str(error))
            return False
        return True

    def is_own(self, record: Record, weights: GossipWeights) -> bool:
        """Whether a client of this process wrote it with the keys it has now, as far as told."""
        if not self.sealed:
            return True
        own = self._own.get(weights.client_id)
        return own is not None and _is_signed_by(record, weights, own.public.signing)

    def count_strangers(
        self, plans: Iterable[GossipPlan], heard: Mapping[str, GossipWeights]
    ) -> None:
        """Count messages of this cycle that are sealed for us by clients of no group of ours.

        They are never opened: only a plan's peers are looked up.
        """
        trading = [plan for plan in plans if plan.status == "exchange"]
        if not trading:
            return
        peers = {peer for plan in trading for peer in plan.peers} | self._own.keys()
        until = min(plan.cycle for plan in trading)
        for sender, weights in heard.items():
            if sender in peers or weights.cycle > until:
                continue
            if weights.cycle == until and self._strangers.get(sender) != until:
                self._strangers[sender] = until
                self._refusals.add(
                    sender, Refusal.OTHER_GROUP, "sealed its message for a group it is not in"
                )

    def _is_for_us(self, weights: GossipWeights, theirs: list[GossipPlan]) -> bool:
        if weights.sealing != SEALED:
            if theirs:
                raise RefusedError(
                    Refusal.UNSEALED,
                    f"its message is sealed as {weights.sealing!r}; the domain asks for {SEALED!r}",
                )
            return False
        try:
            sealed = decode_msgpack(weights.payload, SealedDeviation, limit=MAX_PAYLOAD_BYTES)
        except EventError as error:
            raise RefusedError(Refusal.MALFORMED, str(error)) from None
        if any(wrap.key_id in self._own_ids for wrap in sealed.wraps):
            return True
        if any(plan.cycle == weights.cycle for plan in theirs):
            raise RefusedError(
                Refusal.NOT_FOR_US,
                "its message of this cycle is sealed for others, or for keys of an earlier run",
            )
        return False

    def _refuse_replayed(
        self, weights: GossipWeights, signing: bytes, theirs: list[GossipPlan]
    ) -> None:
        """A late message is let in: it is mixed in when its cycle is still open, and not else."""
        key, newest = self._newest.get(weights.client_id, (signing, -1))
        if key != signing or weights.cycle > newest:
            self._newest[weights.client_id] = signing, weights.cycle
        elif any(weights.cycle < plan.cycle for plan in theirs):
            raise RefusedError(
                Refusal.REPLAYED,
                f"its message of cycle {weights.cycle} was sent again after that cycle",
            )


def _is_signed_by(record: Record, weights: GossipWeights, public: bytes) -> bool:
    signature = dict(record.headers).get(SIGNATURE_HEADER, b"")
    if record.key is None or record.value is None or len(record.key) > MAX_KEY_BYTES:
        return False
    if not 0 <= weights.cycle <= MAX_SEQUENCE:
        return False
    message = signed_message(record.position.topic, record.key, weights.cycle, record.value)
    return holds(public, signature, PURPOSE, message)
