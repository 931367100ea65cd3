"""Rounds of secure sums of one domain: what is announced, whom they wait for, and how they end.

A stage ends when all have answered, or at the policy's deadline with as many as must stay to the
end; with fewer the round ends without a sum and a new one begins. Nothing of an open round outlives
this process: a writer that takes over calls a new round, whose members have new keys.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil

import msgspec

from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import EventError, Reason
from scarcity.events.headers import MSGPACK_TYPE, event_headers
from scarcity.events.ledger_entry import PartitionInputs, RoundPolicy
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SecureSum
from scarcity.events.topics import SECAGG_KEYS_PREFIX, SECAGG_ROUNDS, SECAGG_TERMS_PREFIX
from scarcity.events.types import Outgoing, Record
from scarcity.learning.sum_layout import SumError, Summed
from scarcity.meta.rounds import RoundView, Wait, decide
from scarcity.meta.summed_versions import (
    Named,
    check_origin,
    decode_term,
    layout_of,
    sum_inputs,
)
from scarcity.secagg.gathering import Gathering, Message
from scarcity.secagg.opening import OpeningError

MEMBERS_TOPICS = rf"^({SECAGG_KEYS_PREFIX}|{SECAGG_TERMS_PREFIX})".replace(".", r"\.")


@dataclass(frozen=True)
class DueSum:
    """A sum that the next version is made of.

    Attributes:
        by: what ended the call, or `deadline` when a later stage ended by it.
        opened_ms: record timestamp of the first keys.
        inputs, inputs_hash: the messages, meta/summed_versions.py.
    """

    told: SecureSum
    summed: Summed
    by: str
    opened_ms: int
    active: int
    inputs: list[PartitionInputs]
    inputs_hash: str


@dataclass(frozen=True)
class Progress:
    """What a look at a round gave: announcements, and a sum or a wait."""

    notices: tuple[SecureRound, ...]
    wait: Wait | None = None
    due: DueSum | None = None


def members_domain(topic: str) -> str:
    """Domain of a topic that members write; empty for any other topic.

    >>> members_domain("secagg-keys.retail"), members_domain("clients")
    ('retail', '')
    """
    for prefix in (SECAGG_KEYS_PREFIX, SECAGG_TERMS_PREFIX):
        if topic.startswith(prefix):
            return topic.removeprefix(prefix)
    return ""


def round_record(notice: SecureRound, at_ms: int) -> Outgoing:
    """An announcement for `secagg-rounds`."""
    headers = event_headers(
        "SecureRound",
        source="/services/meta",
        event_id=f"{notice.domain}/{notice.round}/{notice.stage}",
        at_ms=at_ms,
        content_type=MSGPACK_TYPE,
    )
    return Outgoing(SECAGG_ROUNDS, notice.domain.encode(), encode_msgpack(notice), headers)


def describe_notice(notice: SecureRound) -> str:
    """One line for a log."""
    about = f"round {notice.round} of secure sums on version {notice.version}"
    if notice.stage == "closed":
        return f"{about} ended without a sum: {notice.reason}"
    count = f", {len(notice.clients)} members" if notice.clients else ""
    return f"{about}: {notice.stage}{count}"


class SecureRounds:
    """The open round of a domain.

    Attributes:
        has_begun: this process has called a round.
    """

    def __init__(self, domain: str) -> None:
        self.has_begun = False
        self._domain = domain
        self._gathering: Gathering | None = None
        self._profile: DomainProfile | None = None
        self._last_round = 0
        self._since_ms = 0  # of the stage
        self._opened_ms: int | None = None
        self._by = ""
        self._seen_ms: dict[str, int] = {}
        self._named: dict[tuple[str, str], Named] = {}

    def announced(self, record: Record) -> None:
        """Note a round that a writer has announced: later ones have higher numbers.

        Raises:
            EventError: it is no announcement of this domain.
        """
        notice = decode_msgpack(record.value, SecureRound)
        if record.key != notice.domain.encode():
            raise EventError(Reason.WRONG_KEY, f"the round of {notice.domain!r} has another key")
        self._last_round = max(self._last_round, notice.round)

    def observe(self, record: Record) -> None:
        """Take in a message of a member.

        Raises:
            EventError: it breaks the protocol, and changed nothing.
        """
        message = self._decode(record)
        client, now_ms = message.client_id, record.timestamp_ms
        # Also whoever comes too late for a round is there for the next one.
        self._seen_ms[client] = max(now_ms, self._seen_ms.get(client, 0))
        if self._gathering is None or not self._gathering.take(message):
            return
        if message.stage == "keys" and self._opened_ms is None:
            self._opened_ms = now_ms
        if message.stage in ("masked", "revealed"):
            self._named[message.stage, client] = Named.of(record)

    def advance(
        self, profile: DomainProfile, version: int, out: Collection[str], now_ms: int
    ) -> Progress:
        """Move the round on as far as it goes.

        Args:
            version: that is current.
            out: clients that left or do not count.
        """
        notices: list[SecureRound] = []
        gathering = self._gathering
        if gathering is None or gathering.version != version or profile != self._profile:
            gathering = self._open(profile, version, now_ms)
            notices.append(gathering.call())
        if gathering.stage == "call":
            gathering.leave(out)
            heard = len(gathering.heard)
            view = RoundView(heard, self._active(profile.policy, out, now_ms), self._opened_ms)
            decision = decide(profile.policy, view, now_ms)
            if isinstance(decision, Wait):
                return Progress(tuple(notices), decision)
            self._by = decision.by
            notices.append(self._next(gathering, now_ms))
        until_ms = self._since_ms + ceil(1000 * profile.policy.deadline_s)
        while _has_all(gathering) or now_ms >= until_ms or gathering.included & set(out):
            if not _has_all(gathering):
                self._by = "deadline"
            reason = self._shortfall(gathering, out)
            if not reason and gathering.stage == "reveal":
                try:
                    due = self._due(gathering, profile, now_ms)
                except (OpeningError, SumError) as error:
                    reason = str(error)
                else:
                    self._gathering = None
                    return Progress(tuple(notices), due=due)
            if reason:
                notices += [
                    gathering.closed(reason),
                    self._open(profile, version, now_ms).call(),
                ]
                return Progress(
                    tuple(notices),
                    Wait(f"calls a new round of secure sums: {reason}", stalled=True),
                )
            notices.append(self._next(gathering, now_ms))
            until_ms = self._since_ms + ceil(1000 * profile.policy.deadline_s)
        many = len(gathering.awaited)
        text = f"stage {gathering.stage} of a secure sum: {many} members have not answered"
        return Progress(tuple(notices), Wait(text, until_ms=until_ms))

    def _open(self, profile: DomainProfile, version: int, now_ms: int) -> Gathering:
        self.has_begun = True
        self._last_round = max(self._last_round + 1, now_ms)
        self._profile, self._opened_ms, self._since_ms = profile, None, now_ms
        self._named.clear()
        self._gathering = Gathering(
            self._domain,
            self._last_round,
            version,
            profile.sum_rules,
            layout_of(profile).dimension,
        )
        return self._gathering

    def _next(self, gathering: Gathering, now_ms: int) -> SecureRound:
        self._since_ms = now_ms
        return gathering.go_on()

    def _shortfall(self, gathering: Gathering, out: Collection[str]) -> str:
        if gone := gathering.included & set(out):
            return f"{min(gone)} counts no more"  # it may be in the sum already
        if gathering.enough():
            return ""
        heard = len(gathering.heard)
        return f"{heard} members answered stage {gathering.stage}, {gathering.threshold} must"

    def _due(self, gathering: Gathering, profile: DomainProfile, now_ms: int) -> DueSum:
        layout, survivors = layout_of(profile), gathering.survivors
        summed = layout.read(gathering.total(), len(survivors))
        told = msgspec.structs.replace(
            gathering.told(),
            experts=profile.experts,
            slope_clip=layout.slope_clip,
            loss_clip=layout.loss_clip,
        )
        used = [self._named["masked", client] for client in survivors]
        used += [self._named["revealed", client] for client in gathering.revealers]
        active = self._active(profile.policy, (), now_ms)
        opened_ms = self._opened_ms or self._since_ms
        return DueSum(told, summed, self._by, opened_ms, active, *sum_inputs(used))

    def _active(self, policy: RoundPolicy, out: Collection[str], now_ms: int) -> int:
        since_ms = now_ms - 1000 * policy.active_s
        self._seen_ms = {c: t for c, t in self._seen_ms.items() if t >= since_ms}
        return len(self._seen_ms.keys() - set(out))

    def _decode(self, record: Record) -> Message:
        if record.position.topic.startswith(SECAGG_TERMS_PREFIX):
            return decode_term(record, self._domain)
        keys = decode_msgpack(record.value, SecureKeys)
        check_origin(record, keys.domain, keys.client_id, self._domain)
        return keys


def _has_all(gathering: Gathering) -> bool:
    """Whether nobody need be waited for: of the reveals, as many as open the sum are all."""
    return not gathering.awaited or (gathering.stage == "reveal" and gathering.enough())
