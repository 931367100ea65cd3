"""Judges each version on clients that never take part, and publishes nothing of them but errors."""

import asyncio
import logging
from collections.abc import Callable, Mapping

import torch

from scarcity.broker.protocol import Broker
from scarcity.client.evaluation import NewClients
from scarcity.client.holdings import domain_maps
from scarcity.client.outgoing import evaluation_record
from scarcity.client.service import follow_view, publish_surely
from scarcity.client.settings import Pacing
from scarcity.client.table import Rows
from scarcity.client.versions import Version
from scarcity.client.view import DomainView
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.evaluation import Evaluation
from scarcity.events.topics import DOMAINS, META_PARAMETERS
from scarcity.telemetry.json_lines import about

logger = logging.getLogger(__name__)


def evaluate(clients: NewClients, version: Version, *, written_at_ms: int) -> Evaluation:
    """The event of one evaluation."""
    scores = clients.score(version.z, version.domain_losses, version.start_losses)
    return Evaluation(
        domain=version.domain,
        version=version.number,
        clients=clients.count,
        routed=scores.routed,
        uniform=scores.uniform,
        own_ridge=clients.own_ridge,
        own_mean=clients.own_mean,
        expert_errors=scores.expert_errors,
        routing=scores.routing,
        written_at_ms=written_at_ms,
    )


def new_clients(profile: DomainProfile, rows: Mapping[str, Rows]) -> NewClients:
    """Clients to judge on.

    Args:
        rows: not standardised; ``profile`` must be complete.
    """
    scaled = {c: r.standardised(profile) for c, r in rows.items()}
    return NewClients(
        domain_maps(profile),
        {c: (torch.from_numpy(r.x), torch.from_numpy(r.y)) for c, r in scaled.items()},
        support_rows=profile.support_rows,
        experts=profile.expert_numbers,
    )


class EvaluationHost:
    """Evaluates the newest version of a domain, at most once an interval.

    Args:
        rows: of clients that publish no insights; not standardised.
        now_ms: unix time, milliseconds.

    Attributes:
        is_ready: it has read what was there when it came.
    """

    def __init__(
        self,
        broker: Broker,
        profile: DomainProfile,
        rows: Mapping[str, Rows],
        pacing: Pacing,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._broker = broker
        self._rows = rows
        self._pacing = pacing
        self._now_ms = now_ms
        self._view = DomainView(profile.domain, frozenset(), profile)
        self._news = asyncio.Event()
        self.is_ready = False

    async def run(self) -> None:
        """Follow and evaluate until cancelled.

        Raises:
            BrokerError: the broker refuses for a reason that waiting does not change.
        """
        follower = asyncio.create_task(
            follow_view(self._broker, self._view, (DOMAINS, META_PARAMETERS), self._on_news)
        )
        evaluator = asyncio.create_task(self._evaluate_for_ever())
        try:
            done, _ = await asyncio.wait({follower, evaluator}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            follower.cancel()
            evaluator.cancel()
            await asyncio.gather(follower, evaluator, return_exceptions=True)

    async def _on_news(self, caught_up: bool) -> None:
        if caught_up:
            self.is_ready = True
            self._news.set()

    async def _evaluate_for_ever(self) -> None:
        judged: int | None = None
        profile: DomainProfile | None = None
        clients: NewClients | None = None
        while True:
            await self._news.wait()
            self._news.clear()
            version = self._view.versions.current
            if version is None or version.number == judged:
                continue
            if self._view.profile != profile:
                profile = self._view.profile
                complete = profile is not None and profile.is_complete
                clients = new_clients(profile, self._rows) if profile and complete else None
            if clients is None:
                continue
            event = await asyncio.to_thread(
                evaluate, clients, version, written_at_ms=self._now_ms()
            )
            await publish_surely(self._broker, evaluation_record(event, now_ms=event.written_at_ms))
            logger.info(
                "domain %s: version %d judged on %d clients that take no part: error %.4g, own "
                "ridge %.4g, own mean %.4g",
                event.domain,
                event.version,
                event.clients,
                event.routed,
                event.own_ridge,
                event.own_mean,
                extra=about(domain=event.domain, version=event.version),
            )
            judged = version.number
            await asyncio.sleep(self._pacing.interval_s)
            self._news.set()
