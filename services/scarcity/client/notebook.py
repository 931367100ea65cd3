"""A client as a notebook holds it: one object, no broker. See scarcity/sfhfe.py."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scarcity.client.core import ClientGroup
from scarcity.client.frames import as_asked, asked_rows, experts_frame, rows_frame, rows_of
from scarcity.client.gossip_exchange import Exchange, GossipExchange
from scarcity.client.table import Rows
from scarcity.client.versions import Version, Versions, parameters_event, unheard
from scarcity.events.client_registered import ClientRegistered
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.errors import InputError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.insight import Insight
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.topics import check_domain
from scarcity.events.types import EXPERT_COUNT
from scarcity.learning.client_step import Draw, query_losses, split_rows
from scarcity.learning.features import feature_maps
from scarcity.learning.initial import default_z
from scarcity.learning.own_start import believing, ensemble

Array = npt.NDArray[np.float64]

MAX_SUPPORT_ROWS = 6
JUDGED_SPLITS = 8


class SFHFEClient:
    """One client with rows of its own.

    Before a server has seen it, it adapts from the default start, scaled by its own rows; its
    insights then carry losses alone, since slopes mean nothing on a scale of one's own.

    Attributes:
        columns: names of the features, then of the target.
        support_rows: rows the client would adapt on in each split.
    """

    def __init__(
        self, client_id: str, data: Any, domain: str, *, target: str | None = None
    ) -> None:
        """Take the rows in.

        Args:
            data: (x, y) with x [n, features] and y [n], or a pandas DataFrame.
            target: the column to predict, when ``data`` is a DataFrame.

        Raises:
            InputError: too few rows or too many columns, or something other than finite numbers.
        """
        self.client_id = client_id
        self.domain = check_domain(domain)
        self.columns, rows = rows_of(client_id, data, target)
        self.support_rows = min(MAX_SUPPORT_ROWS, len(rows) // 2)
        self.has_joined = False
        self._rows = rows
        self._cycle = 0
        self._offered: GossipWeights | None = None
        self._insight: Insight | None = None
        self._versions = Versions()
        event = parameters_event(
            domain, domain, 0, default_z(rows.x.shape[1]), np.full(EXPERT_COUNT, np.nan)
        )
        self._versions.see(Version.of(event))
        self._group = ClientGroup(self._own_profile(), {client_id: rows})
        (self._registration,) = self._group.join(0, {})
        self._exchange = GossipExchange(self._group)

    def __repr__(self) -> str:
        loss = "not trained yet" if self._insight is None else f"loss {self._insight.avg_loss:.4g}"
        return (
            f"SFHFEClient({self.client_id!r}, {self.domain}: {len(self._rows)} rows, "
            f"{len(self.columns) - 1} features, version {self.version.number}, {loss})"
        )

    @property
    def version(self) -> Version:
        """The meta-parameters this client adapts from."""
        assert self._versions.current is not None
        return self._versions.current

    @property
    def exchanges(self) -> int:
        """How often the client has mixed in a peer's prior."""
        return self._exchange.exchanges(self.client_id)

    def registration(self) -> ClientRegistered:
        """What the client tells at joining: counts and moments of its columns, no row."""
        return self._registration

    def receive_meta_parameters(self, event: MetaParameters, profile: DomainProfile) -> None:
        """Go on from a domain's version, on the domain's scale.

        Raises:
            EventError: the event breaks its contract.
        """
        version = Version.of(event)
        if not self.has_joined:
            self._versions = Versions()
            self._insight = None
            self.has_joined = True
        if profile != self._group.profile:
            self._group.take_profile(profile)
        self._versions.see(version)

    def train_experts(self) -> dict[str, float]:
        """Split the rows afresh, adapt on one part; returns each expert's loss on the other."""
        published = self._group.train([self.client_id], self.version, self._versions.previous)
        (self._insight,) = published.insights
        return {name: e.loss for name, e in self._insight.expert_insights.items()}

    def extract_insights(self) -> Insight:
        """The insight of the last training: losses, counts and slopes; trains if there was none."""
        if self._insight is None:
            self.train_experts()
        assert self._insight is not None
        return self._insight

    def gossip_offer(self, cycle: int) -> GossipWeights:
        """The prior this client offers in a cycle; asked again, it gives the same."""
        if self._offered is None or self._offered.cycle != cycle:
            plan = GossipPlan(self.client_id, self.domain, cycle, "exchange")
            (self._offered,) = self._exchange.offer([plan], self.version).weights
            self._cycle = cycle
        return self._offered

    def gossip_exchange(
        self, peers: Sequence["SFHFEClient"], *, cycle: int | None = None
    ) -> Exchange | None:
        """Trade priors with peers of the same domain: mix theirs into one's own.

        Args:
            cycle: number of the gossip cycle; None: the next one of all concerned.

        Returns:
            Who was mixed in and the relative gain in loss; None without peers.

        Raises:
            InputError: a peer is of another domain.
        """
        for peer in peers:
            if peer.domain != self.domain:
                raise InputError(
                    f"{self.client_id!r} ({self.domain}) cannot trade with {peer.client_id!r} "
                    f"({peer.domain}): priors mean something within one domain only"
                )
        if cycle is None:
            cycle = 1 + max([self._cycle, *(p._cycle for p in peers)])
        self.gossip_offer(cycle)
        heard = {peer.client_id: peer.gossip_offer(cycle) for peer in peers}
        plan = GossipPlan(self.client_id, self.domain, cycle, "exchange", 0, sorted(heard))
        return next(iter(self._exchange.take([plan], self.version, heard)), None)

    @torch.no_grad()
    def adaptation_loss(self, z: Array | None = None) -> float:
        """Mean loss after adaptation over the experts and a few fixed splits of the own rows.

        Args:
            z: where to adapt from, float64 [experts, 129]; None: the client's own prior.
        """
        start = self._prior() if z is None else torch.from_numpy(np.asarray(z, np.float64))
        draws = [Draw(self.client_id, number) for number in range(JUDGED_SPLITS)]
        batch = self._group.batch(draws)
        split = split_rows(batch, draws, self._group.profile.support_rows)
        return float(query_losses(split, start).mean())

    @torch.no_grad()
    def predict(self, x: Any) -> Any:
        """Predict the target, with the experts adapted on all own rows.

        From the domain's start, and from the default one as far as own rows speak against it.

        Args:
            x: rows [n, features], or a DataFrame with a column a feature, in any order.

        Returns:
            float64 [n]; for a DataFrame a Series with its index, named for the target.

        Raises:
            InputError: a feature is missing, or a value is no finite number.
        """
        profile = self._group.profile
        asked = asked_rows(x, self.columns[:-1])
        scaled = torch.from_numpy(Rows(asked, np.zeros(len(asked))).standardised(profile).x)
        batch = self._group.batch([Draw(self.client_id, 0)])
        features = feature_maps(profile.map_seed, len(profile.features)).apply(scaled).unsqueeze(0)
        told, start_told = self.version.domain_losses, self.version.start_losses
        adapted = ensemble(self._prior(), batch.features, batch.y, features, told)
        default = torch.from_numpy(default_z(len(profile.features)))
        own = ensemble(default, batch.features, batch.y, features, unheard())
        predicted: Array = believing(adapted, own, told, start_told)[0].numpy()
        target = profile.target
        return as_asked(predicted * (target.scale or 1.0) + (target.center or 0.0), x, target.name)

    def to_pandas(self) -> Any:
        """The own rows as a DataFrame."""
        return rows_frame(self._rows, self.columns)

    def experts_to_pandas(self) -> Any:
        """The experts as a DataFrame: loss and rows of the last training, loss of the domain."""
        return experts_frame(self.extract_insights(), self.version.domain_losses.tolist())

    def _prior(self) -> torch.Tensor:
        return self._exchange.prior(self.client_id, self.version)

    def _own_profile(self) -> DomainProfile:
        table = np.column_stack([self._rows.x, self._rows.y])
        scales = np.where(table.std(0) > 0, table.std(0), 1.0)
        columns = [
            Column(name, float(center), float(scale))
            for name, center, scale in zip(self.columns, table.mean(0), scales, strict=True)
        ]
        return DomainProfile(
            domain=self.domain,
            family=self.domain,
            features=tuple(columns[:-1]),
            target=columns[-1],
            scaling="estimated",
            privacy="open",
            support_rows=self.support_rows,
            slopes=False,
        )
