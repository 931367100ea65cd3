"""One domain as the meta-learner knows it: profile, pending insights, current version, times."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.dp_rules import DpRules
from scarcity.events.errors import EventError, Reason
from scarcity.events.ruling import Ruling
from scarcity.events.standing import Lift, Mark
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.meta.noised_versions import over_limit
from scarcity.meta.pending import PendingSet
from scarcity.meta.quarantine import Watch
from scarcity.meta.rounds import Close, RoundView, Wait, decide
from scarcity.meta.rulings import check_newer
from scarcity.meta.scaling import estimate, with_scaling
from scarcity.meta.secure_rounds import SecureRounds
from scarcity.meta.state_codec import NOT_RULED, KeptDomain

MOST_RULED: Final = 4096  # marked clients of a domain, by whose word ever


@dataclass
class DomainRounds:
    """Mutable record of a domain.

    Attributes:
        family: of the profile that the versions were made with; empty before version 0.
        state: of the current version; None before version 0.
        scaling: (centre, scale) by column, as once estimated.
        registered: registrations whose moments may still be needed.
        written_at_ms: when the current version was written.
        planned_ms: record timestamp of the newest gossip plan.
        broadcast_s: how long the current version took from handing over to acknowledgement.
        wait: why the domain has no new version, as of the last look.
        watch: evidence against clients, and who is marked.
        ruled: offset and time of the last ruling that was heeded.
        marks, lifted: of rulings that the next entry will tell.
        dp, noise_key: rules of privacy mode `dp` that versions were made under, and the secret of
            central noise; empty before version 0.
        sums: rounds of privacy mode `secagg`.
    """

    name: str
    pending: PendingSet
    profile: DomainProfile | None = None
    family: str = ""
    state: DomainState | None = None
    scaling: dict[str, tuple[float, float]] = field(default_factory=dict)
    registered: dict[str, ClientRegistered] = field(default_factory=dict)
    written_at_ms: int = 0
    planned_ms: int = 0
    broadcast_s: float = 0.0
    wait: Wait | None = None
    watch: Watch = field(default_factory=Watch)
    ruled: tuple[int, int] = NOT_RULED
    marks: list[Mark] = field(default_factory=list)
    lifted: list[Lift] = field(default_factory=list)
    dp: DpRules | None = None
    noise_key: bytes = b""
    sums: SecureRounds = field(init=False)

    def __post_init__(self) -> None:
        self.sums = SecureRounds(self.name)

    @classmethod
    def restored(cls, name: str, kept: KeptDomain, departed: Set[str]) -> "DomainRounds":
        """A domain as `meta-state` keeps it."""
        domain = cls(
            name,
            PendingSet(kept.used, departed),
            family=kept.family,
            state=kept.state,
            scaling=dict(kept.scaling),
            written_at_ms=kept.written_at_ms,
            ruled=kept.ruled,
            dp=kept.dp,
            noise_key=kept.noise_key,
        )
        domain.look(kept.watch)
        return domain

    def move_on(self, family: str, state: DomainState, watch: Watch, now_ms: int) -> KeptDomain:
        """Take a new version as the current one; returns what `meta-state` must keep."""
        self.family, self.state = family, state
        self.written_at_ms, self.broadcast_s, self.wait = now_ms, 0.0, None
        self.marks, self.lifted = [], []
        self.look(watch)
        return KeptDomain(
            family,
            state,
            self.pending.used,
            dict(self.scaling),
            now_ms,
            watch,
            self.ruled,
            tuple(self.pending.departed()),
            self.dp,
            self.noise_key,
        )

    def look(self, watch: Watch) -> None:
        """Take what is now known of the clients; marked ones are pending no more."""
        self.watch, self.pending.marked = watch, watch.marks

    def rule(self, ruling: Ruling, offset: int) -> None:
        """Heed an operator's ruling; the domain's next entry tells it.

        Raises:
            EventError: it is not newer than the one before (somebody repeated it), or it marks
                too many.
        """
        if offset <= self.ruled[0]:
            return  # an entry tells it already
        check_newer(ruling, self.name, self.ruled)
        if ruling.kind != "readmit":
            self.check_room(ruling)
        self.ruled = (offset, ruling.ruled_at_ms)
        if ruling.kind == "readmit":
            back = sorted(set(ruling.clients) & self.watch.marks.keys())
            self.lifted += [Lift(client, offset) for client in back]
            self.marks = [mark for mark in self.marks if mark.client_id not in back]
            self.look(self.watch.lifting(back))
            return
        by: Literal["repair", "operator"] = "repair" if ruling.kind == "repair" else "operator"
        marks = [Mark(c, by, *self.pending.newest(c), ruling=offset) for c in ruling.clients]
        self.marks += marks
        self.look(self.watch.marking(marks))

    def check_room(self, ruling: Ruling) -> None:
        """Refuse a ruling that marks more clients than `meta-state` can hold.

        Raises:
            EventError: there is no room.
        """
        many = len(self.watch.marks.keys() | set(ruling.clients))
        if many > MOST_RULED:
            raise EventError(
                Reason.OUT_OF_BOUNDS, f"{many} marked clients of {self.name}; at most {MOST_RULED}"
            )

    def register(self, client: ClientRegistered) -> None:
        """Note a registration; moments are let go once the scaling is known."""
        if self.profile is None or not self.profile.is_complete:
            self.registered[client.client_id] = client

    def complete_profile(self) -> bool:
        """Fill in an `estimated` profile when enough clients registered; True when it was filled.

        Once estimated, a scaling stays: the versions so far stand on it, also when an operator
        applies the open profile again.
        """
        if self.profile is None or self.profile.is_complete:
            self.registered.clear()
            return False
        filled = (
            with_scaling(self.profile, self.scaling)
            if self.scaling
            else estimate(self.profile, self.registered.values())
        )
        if filled is None or not filled.is_complete:
            return False
        self.scaling = {
            c.name: (c.center, c.scale)
            for c in filled.columns
            if c.center is not None and c.scale is not None
        }
        self.profile = filled
        self.registered.clear()
        return True

    def decide(self, families: Mapping[str, FamilyState], now_ms: int) -> Wait | Close:
        """Whether a version is due: `start` for version 0, else as the policy says."""
        profile = self.profile
        if profile is None:
            return Wait("has no profile: apply one with `scarcity domain apply`", stalled=True)
        if not profile.is_complete:
            return Wait(self._why_open(profile), stalled=True)
        family = families.get(profile.family)
        if self.state is not None and self.family != profile.family:
            return Wait(
                f"was of family {self.family} and its profile now says {profile.family}: "
                "give the changed domain a new name",
                stalled=True,
            )
        if family is not None and family.inputs != len(profile.features):
            return Wait(
                f"has {len(profile.features)} features, its family {profile.family} has "
                f"{family.inputs}: put it into another family",
                stalled=True,
            )
        if self.state is None:
            return Close("start")
        if profile.dp != self.dp:
            return Wait(
                "has other rules of privacy mode dp than its versions were made under, and what "
                "was spent cannot be added up: give the changed domain a new name",
                stalled=True,
            )
        if profile.dp is not None and (full := over_limit(profile.dp, self.state.version + 1)):
            return Wait(full, stalled=True)
        if profile.privacy == "secagg":
            return Close("sum")  # meta/secure_rounds.py knows when
        view = RoundView(
            self.pending.count(),
            self.pending.active(now_ms, profile.policy.active_s),
            self.pending.opened_ms(),
        )
        decision = decide(profile.policy, view, now_ms)
        if isinstance(decision, Wait) and decision.stalled and self.watch.marks:
            many = len(self.watch.marks)
            return replace(decision, reason=f"{decision.reason}; {many} marked ones do not count")
        return decision

    def _why_open(self, profile: DomainProfile) -> str:
        if self.scaling:
            return "changed its columns after they were estimated: give it a new name"
        return (
            f"waits for registrations that tell every column's moments: "
            f"needs {profile.policy.min_clients}, {len(self.registered)} clients registered"
        )
