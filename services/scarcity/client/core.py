"""What the clients of one process compute: insights of their rows, within their privacy budgets.

Pure: time, randomness and the broker stay outside. All clients of a domain in a process are one
tensor operation; each keeps its own rows, budget and sequence numbers.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from scarcity.client.budget import Budget, check_change, check_rejoin
from scarcity.client.holdings import Holdings, moments_of
from scarcity.client.insights import to_insights
from scarcity.client.noising import Discretion, Noising
from scarcity.client.published import Published
from scarcity.client.sequence import first_sequence, registration_time_ms
from scarcity.client.table import Rows
from scarcity.client.versions import Version
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.errors import ServiceError
from scarcity.learning.client_step import Draw, RowBatch, StepResult, client_step


class ClientGroup:
    """Clients of one domain in one process.

    Args:
        rows: of each client, not standardised.
        profile: the domain's; may still lack centres and scales (:attr:`is_ready`).
        discretion: what mode `dp` needs of the client's own.

    Raises:
        ValueError: mode `dp` without a secret.
    """

    def __init__(
        self,
        profile: DomainProfile,
        rows: Mapping[str, Rows],
        *,
        discretion: Discretion | None = None,
    ) -> None:
        self.mode = profile.privacy
        self.noising: Noising | None = None
        if profile.dp is not None:
            self.noising = Noising(profile.dp, profile.slope_clip, discretion or Discretion())
        self.profile = profile
        self.rows = dict(rows)
        self.registered: dict[str, ClientRegistered] = {}
        self.budgets: dict[str, Budget] = {}
        self._next_sequence: dict[str, int] = {}
        self._exhausted: set[str] = set()
        self._silenced: set[str] = set()
        self._holdings: Holdings | None = None
        if profile.is_complete:
            self.take_profile(profile)

    @property
    def is_ready(self) -> bool:
        """Whether the rows can be standardised."""
        return self.profile.is_complete

    @property
    def client_ids(self) -> list[str]:
        """Names of the clients, in the order of their rows."""
        return list(self.rows)

    def join(self, now_ms: int, earlier: Mapping[str, ClientRegistered]) -> list[ClientRegistered]:
        """Register every client; go on where ``earlier`` registrations of the same names ended.

        Returns:
            Registrations to publish before anything else.
        """
        for client, rows in self.rows.items():
            before = earlier.get(client)
            check_rejoin(client, self.profile.domain, self.mode, before)
            moments = moments_of(rows, self.profile)
            leased = max(2 * len(moments), before.leased_scalars if before else 0)
            at = registration_time_ms(now_ms, before.registered_at_ms if before else None)
            self._next_sequence[client] = first_sequence(at)
            columns = len(self.profile.features)
            self.budgets[client] = Budget.of(
                rows=len(rows), columns=columns, mode=self.mode, leased=leased
            )
            self.registered[client] = ClientRegistered(
                client_id=client,
                domain=self.profile.domain,
                rows=len(rows),
                registered_at_ms=at,
                moments=moments,
                leased_scalars=leased,
                privacy=self.mode,
            )
            if self.noising is not None:
                self.noising.join(client, before)
                self._with_lease(client)
        return list(self.registered.values())

    def take_profile(self, profile: DomainProfile) -> None:
        """Use a newer profile of the domain; the privacy mode only ever gets stricter.

        Raises:
            ServiceError: as :func:`check_change`.
        """
        check_change(self.profile, profile)
        if profile.privacy == "budget" and self.mode == "open":
            self.mode, columns = "budget", len(profile.features)
            self.budgets = {
                c: Budget.of(rows=len(self.rows[c]), columns=columns, mode="budget", leased=b.spent)
                for c, b in self.budgets.items()
            }
        self.profile = profile
        if not profile.is_complete:
            return
        self._holdings = Holdings(profile, self.rows)

    def hold(self, rows: Mapping[str, Rows]) -> None:
        """Let every client hold other rows from now on; budgets stay those of the first rows.

        Raises:
            ValueError: not the same clients in the same order.
        """
        if list(rows) != self.client_ids:
            raise ValueError(f"rows of other clients: {list(rows)[:3]}, not {self.client_ids[:3]}")
        self.rows = dict(rows)
        if self.profile.is_complete:
            self._holdings = Holdings(self.profile, self.rows)

    def train(
        self,
        clients: Sequence[str],
        current: Version,
        previous: Version | None,
        *,
        created_at: float | None = None,
    ) -> Published:
        """One insight of each client under the current version, as far as its budget goes.

        Slopes are left out first; a client whose losses alone do not fit any more is silent. So is
        everyone in mode `secagg`: client/summing.py speaks in their place.

        Args:
            previous: the version just before, for the gate; None when it was not seen.
            created_at: unix time, seconds; only shown.
        """
        if self.mode == "secagg":
            return Published()
        if self.noising is not None:
            return self._train_noised(self.noising, clients, current, created_at)
        published, limited = Published(), dict[str, ClientRegistered]()
        left = list(clients)
        for with_slopes in (True, False) if self.profile.slopes else (False,):
            cost = self._cost(current, previous, slopes=with_slopes)
            able = [c for c in left if self.budgets[c].allows(cost)]
            left = [c for c in left if not self.budgets[c].allows(cost)]
            told, known = (
                (published.exhausted, self._exhausted)
                if with_slopes
                else (published.silenced, self._silenced)
            )
            news = [c for c in left if c not in known]
            told.extend(news)
            known.update(news)
            limited.update((c, self._limited(c, with_slopes=with_slopes)) for c in news)
            if not able:
                continue
            published.registrations.extend(self._leases(able, cost))
            draws = [Draw(c, self._take_sequence(c)) for c in able]
            result = self._step(draws, current, previous, with_slopes=with_slopes)
            self._tell(published, draws, result, current, cost, created_at)
        raised = {registered.client_id: registered for registered in published.registrations}
        published.registrations[:] = (raised | limited).values()
        return published

    def _train_noised(
        self,
        noising: Noising,
        clients: Sequence[str],
        current: Version,
        created_at: float | None,
    ) -> Published:
        """As :meth:`train`, of the clients whose coin for the version says so."""
        published, chosen, changed = Published(), [], set()
        for client in clients:
            takes_part, must_lease = noising.toss(client, self.profile.domain, current.number)
            if takes_part:
                chosen.append(client)
            if must_lease:
                self._with_lease(client)
                changed.add(client)
            if noising.is_spent(client) and client not in self._silenced:
                self._limited(client, with_slopes=False)
                self._silenced.add(client)
                published.silenced.append(client)
                changed.add(client)
        published.registrations.extend(self.registered[c] for c in sorted(changed))
        if not chosen:
            return published
        draws = [Draw(c, self._take_sequence(c)) for c in chosen]
        result = noising.treat(self._step(draws, current, None, with_slopes=True), draws)
        cost = self._cost(current, None, slopes=True)
        self._tell(published, draws, result, current, cost, created_at)
        if noising.rules.where == "local":
            for insight in published.insights:
                insight.epsilon = noising.epsilon(insight.client_id)
        return published

    def _tell(
        self,
        published: Published,
        draws: Sequence[Draw],
        result: StepResult,
        current: Version,
        cost: int,
        created_at: float | None,
    ) -> None:
        for client, _ in draws:
            self.budgets[client] = self.budgets[client].spend(cost)
        rows = [len(self.rows[client]) for client, _ in draws]
        experts = self.profile.expert_numbers
        told = to_insights(draws, result, current, experts, rows, created_at)
        published.insights.extend(told)

    def lease(self, client: str, scalars: int) -> tuple[bool, ClientRegistered | None]:
        """Ask to publish ``scalars`` numbers outside an insight, and count them when allowed.

        Returns:
            Whether it is allowed, and a registration to publish before, if there must be one.
        """
        if self.mode in ("dp", "secagg") or not self.budgets[client].allows(scalars):
            return False, None
        registrations = self._leases([client], scalars)
        self.budgets[client] = self.budgets[client].spend(scalars)
        return True, next(iter(registrations), None)

    def spent_text(self, client: str) -> str:
        """What a client has spent of its privacy, for people."""
        if self.noising is not None:
            return self.noising.spent_text(client)
        budget = self.budgets[client]
        return f"{budget.spent} of {budget.limit} numbers published"

    def of_own_experts(self, z: Tensor) -> Tensor:
        """Parameters of the experts that the domain's clients run; float64 [..., E, 129]."""
        return z[..., list(self.profile.experts), :] if self.profile.experts else z

    def batch(self, draws: Sequence[Draw]) -> RowBatch:
        """Features and targets of some clients, in the order of ``draws``."""
        if self._holdings is None:
            raise ServiceError(f"domain {self.profile.domain!r} has no scaling yet")
        return self._holdings.batch(draws)

    def _step(
        self,
        draws: Sequence[Draw],
        current: Version,
        previous: Version | None,
        *,
        with_slopes: bool,
    ) -> StepResult:
        return client_step(
            self.batch(draws),
            draws,
            self.of_own_experts(current.z),
            domain=self.profile.domain,
            meta_version=current.number,
            support_rows=self.profile.support_rows,
            slope_clip=self.profile.slope_clip,
            with_slopes=with_slopes,
            slopes_per_expert=self.profile.slopes_per_expert,
            previous_z=None if previous is None else self.of_own_experts(previous.z),
            candidates={}
            if self.noising is not None
            else {n: self.of_own_experts(z) for n, z in current.candidates.items()},
        )

    def _take_sequence(self, client: str) -> int:
        self._next_sequence[client] += 1
        return self._next_sequence[client] - 1

    def _cost(self, current: Version, previous: Version | None, *, slopes: bool) -> int:
        """Numbers in an insight that say something of the rows."""
        losses = 1 + (previous is not None) + len(current.candidates)
        told = losses + (self.profile.slopes_per_expert + 1 if slopes else 0)
        return len(self.profile.expert_numbers) * told

    def _leases(self, clients: Sequence[str], scalars: int) -> list[ClientRegistered]:
        raised = []
        for client in sorted(clients):
            if not self.budgets[client].needs_lease(scalars):
                continue
            self.budgets[client] = self.budgets[client].with_lease(scalars)
            raised.append(self._with_lease(client))
        return raised

    def _with_lease(self, client: str) -> ClientRegistered:
        registered = self.registered[client]
        registered.leased_scalars = self.budgets[client].leased
        if self.noising is not None:
            rounds = self.noising.rounds(client)
            registered.leased_rounds, registered.leased_until = rounds.leased, rounds.until
            registered.dp = self.noising.rules
        return registered

    def _limited(self, client: str, *, with_slopes: bool) -> ClientRegistered:
        self.registered[client].limit_reached = "slopes" if with_slopes else "all"
        return self.registered[client]
