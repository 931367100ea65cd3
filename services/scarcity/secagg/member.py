"""A member of one round: its keys, its shares, its masked term, and what it opens and what not.

Each step is done once, in order, and checks what the server announces before anything leaves. What
does not add up is refused: then the member stays silent, and the round goes on without it.

Source: Bonawitz et al. (2017), figure 4, rounds 0, 1, 2 and 4 of the user.
"""

from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag

from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound, Stage
from scarcity.events.secure_sum import LEAST_MEMBERS, SumRules
from scarcity.events.secure_term import SecureTerm
from scarcity.events.tensor import TensorPayload
from scarcity.secagg.masks import (
    KEY_BYTES,
    Ints,
    Place,
    WeakKeyError,
    agree,
    mask,
    pair_seed,
    public_key,
    seal,
    to_words,
    unseal,
)
from scarcity.secagg.shamir import SHARE_BYTES, split, to_bytes

_STEPS: Final[tuple[Stage, ...]] = ("share", "mask", "reveal")


class RefusedError(ValueError):
    """The member does not do what was announced, and says why."""


class Member:
    """Secrets and progress of one client in one round.

    Args:
        place: domain and round.
        rules: of the domain's profile; what the server announces must agree with them.
        draw: so many secret random bytes.
    """

    def __init__(
        self, client_id: str, place: Place, rules: SumRules, draw: Callable[[int], bytes]
    ) -> None:
        self.client_id = client_id
        self._place = place
        self._rules = rules
        self._draw = draw
        self._mask_secret, self._share_secret, self._seed = (draw(KEY_BYTES) for _ in range(3))
        self._done = 0  # of _STEPS
        self._threshold = 0
        self._members: list[str] = []
        self._mask_keys: dict[str, bytes] = {}
        self._share_keys: dict[str, bytes] = {}
        self._own_shares: bytes = b""
        self._sealed: dict[str, bytes] = {}
        self._sharers: frozenset[str] = frozenset()

    def keys(self) -> SecureKeys:
        """The public keys."""
        return SecureKeys(
            self.client_id,
            self._place.domain,
            self._place.round,
            "keys",
            public_key(self._mask_secret),
            public_key(self._share_secret),
        )

    def share(self, notice: SecureRound, heard: Mapping[str, SecureKeys]) -> SecureKeys:
        """Seal a share of both secrets for each member.

        Args:
            heard: keys as this member saw their owners publish them, as far as it did. The server
                must not announce others.

        Raises:
            RefusedError: too few members, another threshold than the rules say, or false keys.
        """
        self._begin(notice, "share")
        members = notice.clients
        if self.client_id not in members:
            raise self._refusal("is not among the members")
        if len(members) < LEAST_MEMBERS:
            raise self._refusal(f"has {len(members)} members; {LEAST_MEMBERS} are the least")
        if notice.threshold != self._rules.threshold_of(len(members)):
            raise self._refusal(f"of {len(members)} members announces {notice.threshold} shares")
        self._mask_keys = dict(zip(members, notice.mask_keys, strict=True))
        self._share_keys = dict(zip(members, notice.share_keys, strict=True))
        self._check_keys({**heard, self.client_id: self.keys()})
        self._members, self._threshold = members, notice.threshold
        secrets = (self._mask_secret, self._seed)
        parts = [
            split(int.from_bytes(s, "big"), self._threshold, len(members), self._draw)
            for s in secrets
        ]
        pairs = [b"".join(map(to_bytes, pair)) for pair in zip(*parts, strict=True)]
        sealed = {}
        for client, pair in zip(members, pairs, strict=True):
            if client == self.client_id:
                self._own_shares = pair
                continue
            purpose = self._place.purpose("share", self.client_id, client)
            try:
                sealed[client] = seal(
                    agree(self._share_secret, self._share_keys[client], purpose), pair, purpose
                )
            except WeakKeyError:
                raise self._refusal(f"announces a weak key of {client}") from None
        return SecureKeys(
            self.client_id, self._place.domain, self._place.round, "shares", sealed=sealed
        )

    def mask(self, notice: SecureRound, term: Ints, sealed: Mapping[str, bytes]) -> SecureTerm:
        """Mask the member's term.

        Args:
            term: int64 [d].
            sealed: this member's shares, by sender; of everyone who has shared.

        Raises:
            RefusedError: fewer members than the threshold, unknown ones, or shares are missing.
        """
        self._begin(notice, "mask")
        sharers = self._check_group(notice, self._members)
        missing = [c for c in sharers if c != self.client_id and c not in sealed]
        if missing:
            raise self._refusal(f"says that {missing[0]} has shared, and nothing is here of it")
        words = to_words(term) + mask(self._seed, len(term))
        for other in sorted(sharers - {self.client_id}):
            try:
                seed = pair_seed(
                    self._mask_secret,
                    self._mask_keys[other],
                    self._place,
                    self.client_id,
                    other,
                )
            except WeakKeyError:
                raise self._refusal(f"announces a weak key of {other}") from None
            common = mask(seed, len(term))
            words = words + common if self.client_id < other else words - common
        self._sharers = sharers
        self._sealed = {c: sealed[c] for c in sharers if c != self.client_id}
        vector = TensorPayload((len(term),), "int64", words.astype("<u8").tobytes())
        key = public_key(self._mask_secret)
        return SecureTerm(
            self.client_id, self._place.domain, self._place.round, "masked", vector, key
        )

    def reveal(self, notice: SecureRound) -> SecureTerm:
        """Shares that open the sum; of each member one of the two, never both.

        Afterwards the member holds no secret of the round any more.

        Raises:
            RefusedError: fewer members than the threshold, or unknown ones.
        """
        self._begin(notice, "reveal")
        survivors = self._check_group(notice, sorted(self._sharers))
        seeds, keys = {}, {}
        for client in sorted(self._sharers):
            pair = self._pair_of(client)
            if len(pair) != 2 * SHARE_BYTES:
                continue  # its sender broke the protocol; the others may do without this one
            if client in survivors:
                seeds[client] = pair[SHARE_BYTES:]
            else:
                keys[client] = pair[:SHARE_BYTES]
        self._forget()
        return SecureTerm(
            self.client_id,
            self._place.domain,
            self._place.round,
            "revealed",
            seed_shares=seeds,
            key_shares=keys,
        )

    def _begin(self, notice: SecureRound, stage: Stage) -> None:
        if (notice.domain, notice.round) != (self._place.domain, self._place.round):
            raise self._refusal(f"is another one than {notice.domain}/{notice.round}")
        if notice.stage != stage or _STEPS.index(stage) != self._done:
            raise self._refusal(f"has no step {notice.stage!r} now, as step {self._done} is next")
        # Done with even when it is refused: nothing is tried a second time with other words.
        self._done += 1

    def _check_keys(self, heard: Mapping[str, SecureKeys]) -> None:
        told = [*self._mask_keys.values(), *self._share_keys.values()]
        if len(set(told)) != len(told):
            raise self._refusal("announces a key twice")
        for client, mask_key in self._mask_keys.items():
            own = heard.get(client)
            if own is not None and (own.mask_key, own.share_key) != (
                mask_key,
                self._share_keys[client],
            ):
                raise self._refusal(f"announces other keys of {client} than it published")

    def _check_group(self, notice: SecureRound, within: list[str]) -> frozenset[str]:
        group = frozenset(notice.clients)
        if self.client_id not in group:
            raise self._refusal(f"goes on without {self.client_id}")
        if unknown := group - set(within):
            raise self._refusal(f"lets {min(unknown)} in, who was not there before")
        if len(group) < self._threshold or notice.threshold != self._threshold:
            raise self._refusal(f"would sum {len(group)} terms; {self._threshold} are the least")
        return group

    def _pair_of(self, client: str) -> bytes:
        if client == self.client_id:
            return self._own_shares
        purpose = self._place.purpose("share", client, self.client_id)
        key = agree(self._share_secret, self._share_keys[client], purpose)
        try:
            return unseal(key, self._sealed[client], purpose)
        except InvalidTag:
            return b""

    def _forget(self) -> None:
        self._mask_secret = self._share_secret = self._seed = self._own_shares = b""
        self._sealed = {}

    def _refusal(self, why: str) -> RefusedError:
        return RefusedError(
            f"client {self.client_id}: round {self._place.round} of {self._place.domain} {why}"
        )
