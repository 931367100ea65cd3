"""One round at the server: who has said what, what is still missing, and what comes next.

Source: Bonawitz et al. (2017), figure 4, the server. Time stays outside: whoever holds this decides
when a stage has waited long enough.
"""

import hashlib
from collections.abc import Collection
from typing import Final, TypeAlias

from scarcity.events.errors import EventError, Reason
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound, Stage
from scarcity.events.secure_sum import SecureSum, SumRules
from scarcity.events.secure_term import SecureTerm
from scarcity.secagg.masks import KEY_BYTES, Ints, Place, WeakKeyError, agree
from scarcity.secagg.opening import open_sum

Message: TypeAlias = SecureKeys | SecureTerm
MOST_ASKING: Final = 1 << 14  # clients whose keys are kept for the draw; later ones do not count
MAX_SEALED_BYTES: Final = 256  # of a pair of shares, which has 82
_PROBE = bytes([1]) * KEY_BYTES  # nobody's secret: tells whether a public key is worth anything


class Gathering:
    """Messages of a round.

    Args:
        version: of the meta-parameters that members start from.
        dimension: of their terms.

    Attributes:
        stage: what members are asked for now.
        members: those that exchanged keys, sorted; empty in stage `call`.
    """

    def __init__(
        self, domain: str, round_number: int, version: int, rules: SumRules, dimension: int
    ) -> None:
        self.place = Place(domain, round_number)
        self.version = version
        self.rules = rules
        self.stage: Stage = "call"
        self.members: tuple[str, ...] = ()
        self.threshold = 0
        self._dimension = dimension
        self._keys: dict[str, SecureKeys] = {}
        self._owners: dict[bytes, str] = {}  # of the keys
        self._shared: dict[str, SecureKeys] = {}
        self._masked: dict[str, SecureTerm] = {}
        self._revealed: dict[str, SecureTerm] = {}
        self._sharers: tuple[str, ...] = ()
        self._survivors: tuple[str, ...] = ()

    @property
    def awaited(self) -> frozenset[str]:
        """Whose message of this stage is still missing; empty in stage `call`."""
        have: dict[Stage, Collection[str]] = {
            "share": self._shared,
            "mask": self._masked,
            "reveal": self._revealed,
        }
        return frozenset(self._expected()) - frozenset(have.get(self.stage, ()))

    @property
    def heard(self) -> frozenset[str]:
        """Who has sent its message of this stage."""
        if self.stage == "call":
            return frozenset(self._keys)
        return frozenset(self._expected()) - self.awaited

    def take(self, message: Message) -> bool:
        """Take a message in; False when it changes nothing: another round, too late, or again.

        In stage `call` a client's later keys take the place of earlier ones: it was started anew.

        Raises:
            EventError: it breaks the protocol.
        """
        client, stage = message.client_id, message.stage
        if (message.domain, message.round) != (self.place.domain, self.place.round):
            return False
        if isinstance(message, SecureKeys):
            if stage == "keys" and self.stage == "call":
                if client not in self._keys and len(self._keys) >= MOST_ASKING:
                    return False
                self._check_keys(message)
                self._drop_keys(client)
                self._keys[client] = message
                self._owners |= {message.mask_key: client, message.share_key: client}
                return True
            if stage == "shares" and self.stage == "share" and client in self.awaited:
                self._check_shares(message)
                self._shared[client] = message
                return True
            return False
        if client not in self.awaited:
            return False
        if stage == "masked" and self.stage == "mask":
            self._check_masked(message)
            self._masked[client] = message
            return True
        if stage == "revealed" and self.stage == "reveal":
            self._revealed[client] = message
            return True
        return False

    def leave(self, clients: Collection[str]) -> None:
        """Keys of these do not count; in stage `call` only."""
        for client in clients:
            self._drop_keys(client)

    def enough(self) -> bool:
        """Whether as many have answered as must stay to the end."""
        return len(self.heard) >= self.threshold

    def go_on(self) -> SecureRound:
        """Close the stage with those that have answered; returns what to announce.

        From stage `reveal` nothing more is announced: :meth:`total`.
        """
        heard = tuple(sorted(self.heard))
        if self.stage == "call":
            self.members = self._draw_members()
            self.threshold = self.rules.threshold_of(len(self.members))
            self.stage = "share"
            keys = [self._keys[client] for client in self.members]
            return self._notice(
                self.members, [k.mask_key for k in keys], [k.share_key for k in keys]
            )
        if self.stage == "share":
            self._sharers, self.stage = heard, "mask"
        else:
            self._survivors, self.stage = heard, "reveal"
        return self._notice(heard)

    def call(self) -> SecureRound:
        """The announcement that opens the round."""
        return self._notice(())

    def closed(self, reason: str) -> SecureRound:
        """The announcement that ends it without a sum."""
        self.stage = "closed"
        return self._notice((), reason=reason)

    def told(self) -> SecureSum:
        """What the ledger says of the sum."""
        absent = tuple(c for c in self.members if c not in self._sharers)
        return SecureSum(self.place.round, self.threshold, self.members, absent)

    @property
    def included(self) -> frozenset[str]:
        """Who is still in the round; nobody before members are named."""
        return frozenset(self._expected())

    @property
    def survivors(self) -> tuple[str, ...]:
        """Whose terms are in the sum."""
        return self._survivors

    @property
    def revealers(self) -> tuple[str, ...]:
        """Who opened it, sorted."""
        return tuple(sorted(self._revealed))

    def total(self) -> Ints:
        """The sum; int64 [dimension].

        Raises:
            OpeningError: the shares do not open it.
        """
        keys = {client: self._keys[client].mask_key for client in self._sharers}
        return open_sum(self.place.domain, self.told(), self._masked, self._revealed, keys)

    def _expected(self) -> tuple[str, ...]:
        return {
            "share": self.members,
            "mask": self._sharers,
            "reveal": self._survivors,
        }.get(self.stage, ())

    def _draw_members(self) -> tuple[str, ...]:
        def lot(client: str) -> bytes:
            return hashlib.sha256(self.place.purpose("lot", client)).digest()

        return tuple(sorted(sorted(self._keys, key=lot)[: self.rules.most_members]))

    def _check_keys(self, message: SecureKeys) -> None:
        if message.sealed:
            raise EventError(Reason.MALFORMED, "keys and shares in one message")
        own = [message.mask_key, message.share_key]
        owners = {self._owners.get(key, message.client_id) for key in own}
        if own[0] == own[1] or owners != {message.client_id}:
            raise EventError(Reason.MALFORMED, "a key that is used twice")
        try:
            for key in own:
                agree(_PROBE, key, b"probe")
        except WeakKeyError as error:
            raise EventError(Reason.MALFORMED, str(error)) from None

    def _drop_keys(self, client: str) -> None:
        keys = self._keys.pop(client, None)
        if keys is not None:
            del self._owners[keys.mask_key], self._owners[keys.share_key]

    def _check_shares(self, message: SecureKeys) -> None:
        others = set(self.members) - {message.client_id}
        if message.sealed.keys() != others:
            raise EventError(
                Reason.MALFORMED,
                f"shares for {len(message.sealed)} clients; want one for each of {len(others)}",
            )
        if any(len(pair) > MAX_SEALED_BYTES for pair in message.sealed.values()):
            raise EventError(Reason.TOO_LARGE, f"shares of more than {MAX_SEALED_BYTES} bytes")

    def _check_masked(self, message: SecureTerm) -> None:
        length = 0 if message.masked is None else message.masked.shape[0]
        if length != self._dimension:
            raise EventError(
                Reason.MALFORMED, f"a term of {length} numbers; this domain's has {self._dimension}"
            )
        if message.mask_key != self._keys[message.client_id].mask_key:
            raise EventError(Reason.MALFORMED, "a term under another key than was exchanged")

    def _notice(
        self,
        clients: tuple[str, ...],
        mask_keys: list[bytes] | None = None,
        share_keys: list[bytes] | None = None,
        reason: str = "",
    ) -> SecureRound:
        return SecureRound(
            self.place.domain,
            self.place.round,
            self.version,
            self.stage,
            list(clients),
            mask_keys or [],
            share_keys or [],
            self.threshold,
            reason,
        )
