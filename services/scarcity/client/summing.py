"""Clients of one process in rounds of secure sums: what they answer to what is announced. Pure.

Randomness and the broker stay outside. Secrets of a round live in this process alone: a client that
is started anew in the middle of one takes part again in the next.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from scarcity.client.core import ClientGroup
from scarcity.client.versions import Versions
from scarcity.events.codec import decode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_term import SecureTerm
from scarcity.events.topics import SECAGG_ROUNDS, secagg_keys_topic
from scarcity.events.types import Record
from scarcity.keys.record_signing import RecordVerifier
from scarcity.learning.client_step import Draw, client_step
from scarcity.learning.directions import DIRECTION_COUNT
from scarcity.learning.sum_layout import SumLayout
from scarcity.secagg.gathering import MAX_SEALED_BYTES
from scarcity.secagg.masks import KEY_BYTES, Ints, Place
from scarcity.secagg.member import Member, RefusedError

Answer: TypeAlias = SecureKeys | SecureTerm
T = TypeVar("T")
MOST_ROUNDS: Final = 8  # of which peers' messages are kept; in order there are at most two
# Names whose messages of a round are kept, where nobody must prove his.
MOST_NAMES: Final = 1 << 12
MAX_NAME_BYTES: Final = 256  # as the memory takes them


class Summing:
    """Members of the group's domain.

    Args:
        draw: so many secret random bytes.
        verifier: by the operators' keys: a member's message must be signed by it, and keys that
            were announced and not seen signed are not used. None: as the broker shows them.

    Attributes:
        remarks: what was refused since they were last taken; for people.
    """

    def __init__(
        self,
        group: ClientGroup,
        draw: Callable[[int], bytes],
        verifier: RecordVerifier | None = None,
    ) -> None:
        self.remarks: list[str] = []
        self._group = group
        self._draw = draw
        self._verifier = verifier
        self._domain = group.profile.domain
        self._notice: SecureRound | None = None
        self._to_do: set[str] = set()
        self._members: dict[str, Member] = {}
        self._keys: dict[int, dict[str, SecureKeys]] = defaultdict(dict)
        # By round, recipient, sender.
        self._sealed: dict[int, dict[str, dict[str, bytes]]] = defaultdict(dict)

    @property
    def is_verified(self) -> bool:
        """Whether members' messages count when signed alone."""
        return self._verifier is not None

    @property
    def keys_topic(self) -> str:
        """Topic of the members' messages to each other."""
        return secagg_keys_topic(self._domain)

    def take(self, record: Record) -> None:
        """Take in an announcement, or what a member tells the others.

        Raises:
            EventError: it breaks its contract or its sender did not sign it; it changed nothing.
        """
        if record.value is None:
            return
        if record.position.topic == SECAGG_ROUNDS:
            if record.key == self._domain.encode():
                self._take_notice(decode_msgpack(record.value, SecureRound))
            return
        if self._verifier is not None:
            self._verifier.attest_record(record, self._domain)
        told = decode_msgpack(record.value, SecureKeys)
        name = told.client_id.encode()
        if (told.domain, name) != (self._domain, record.key) or len(name) > MAX_NAME_BYTES:
            about = f"{told.domain[:64]}/{told.client_id[:64]}"
            raise EventError(Reason.WRONG_KEY, f"a message of {about}")
        if self._notice is not None and told.round < self._notice.round:
            return
        if told.stage == "keys":
            if told.sealed or {len(told.mask_key), len(told.share_key)} != {KEY_BYTES}:
                raise EventError(Reason.MALFORMED, f"keys that are not {KEY_BYTES} bytes each")
            self._keep(self._keys[told.round], told.client_id, told)
        for own in self._group.rows.keys() & told.sealed.keys():
            if len(told.sealed[own]) > MAX_SEALED_BYTES:
                raise EventError(Reason.TOO_LARGE, f"a share of {len(told.sealed[own])} bytes")
            kept_for = self._sealed[told.round].setdefault(own, {})
            self._keep(kept_for, told.client_id, told.sealed[own])
        for kept in (self._keys, self._sealed):
            if len(kept) > MOST_ROUNDS:
                kept.pop(max(kept))

    def _keep(self, kept: dict[str, T], sender: str, told: T) -> None:
        """Keep what a member told; a flood of names, which anyone can make up, is let go."""
        if self.is_verified or sender in kept or len(kept) < MOST_NAMES:
            kept[sender] = told

    def answers(self, chosen: Sequence[str], versions: Versions) -> list[Answer]:
        """What the clients answer now; those that lack something answer later.

        Args:
            chosen: clients that take part in a round that is called now.
            versions: of the domain, as far as seen.
        """
        notice = self._notice
        if notice is None or not self._to_do:
            return []
        if notice.stage == "call":
            self._to_do.clear()
            place, rules = Place(self._domain, notice.round), self._group.profile.sum_rules
            self._members = {c: Member(c, place, rules, self._draw) for c in chosen}
            return [member.keys() for member in self._members.values()]
        asked = [c for c in sorted(self._to_do) if c in self._members and c in notice.clients]
        self._to_do.intersection_update(asked)
        if notice.stage == "share":
            heard = self._keys[notice.round]
            if self.is_verified and not set(notice.clients) <= heard.keys():
                return []  # on their way, or never published: then this round is not for us
            return self._each(asked, lambda m: m.share(notice, heard))
        if notice.stage == "mask":
            return self._masked(notice, asked, versions)
        if notice.stage == "reveal":
            return self._each(asked, lambda m: m.reveal(notice))
        return []

    def _take_notice(self, notice: SecureRound) -> None:
        if notice.domain != self._domain:
            raise EventError(Reason.WRONG_KEY, f"a round of {notice.domain!r}")
        before = self._notice
        if before is not None and notice.round < before.round:
            return
        if before is None or notice.round > before.round:
            self._members = {}
            for kept in (self._keys, self._sealed):
                for old in [number for number in kept if number < notice.round]:
                    del kept[old]
        self._notice, self._to_do = notice, set(self._group.rows)

    def _each(self, clients: Sequence[str], step: Callable[[Member], Answer]) -> list[Answer]:
        answers = []
        for client in clients:
            self._to_do.discard(client)
            try:
                answers.append(step(self._members[client]))
            except RefusedError as error:
                self.remarks.append(str(error))
        return answers

    def _masked(
        self, notice: SecureRound, asked: Sequence[str], versions: Versions
    ) -> list[Answer]:
        current = versions.current
        if current is None or current.number < notice.version:
            return []  # it is on its way
        if current.number > notice.version:
            self._to_do.clear()  # the round is over
            return []
        sealed = self._sealed.get(notice.round, {})
        peers = set(notice.clients)
        able = [c for c in asked if peers - {c} <= sealed.get(c, {}).keys()]
        if not able:
            return []
        terms = dict(zip(able, self._terms(able, notice.round, versions), strict=True))
        return self._each(
            able, lambda m: m.mask(notice, terms[m.client_id], sealed.get(m.client_id, {}))
        )

    def _terms(self, clients: Sequence[str], round_number: int, versions: Versions) -> list[Ints]:
        group, profile, current = self._group, self._group.profile, versions.current
        assert current is not None
        layout = SumLayout(profile.expert_numbers, profile.slope_clip, profile.sum_rules.loss_clip)
        # The round's number seeds the split, as an insight's sequence does elsewhere.
        draws = [Draw(client, round_number) for client in clients]
        previous = versions.previous
        result = client_step(
            group.batch(draws),
            draws,
            group.of_own_experts(current.z),
            domain=self._domain,
            meta_version=current.number,
            support_rows=profile.support_rows,
            slope_clip=profile.slope_clip,
            slopes_per_expert=DIRECTION_COUNT,
            previous_z=None if previous is None else group.of_own_experts(previous.z),
        )
        assert result.slopes is not None
        before = result.previous_losses
        return [
            layout.term(
                result.losses[n],
                None if before is None else before[n],
                result.slopes[n],
                int(result.samples[n]),
            )
            for n in range(len(clients))
        ]
