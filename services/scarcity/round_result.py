"""What a communication round of the notebook façade did, for people and as tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scarcity.client.gossip_exchange import Exchange
from scarcity.events.client_memory import ClientMemory


@dataclass(frozen=True)
class RoundResult:
    """What one communication round did.

    Attributes:
        phases_s: seconds spent in gossip, collection, processing, broadcast and training.
        versions: version of each domain's meta-parameters after the round.
        mean_losses: mean loss after adaptation that the domain's clients reported.
        exchanges: gossip exchanges, by the client that mixed.
        waiting: clients that found no peers, and why.
    """

    number: int
    phases_s: dict[str, float]
    versions: dict[str, int]
    mean_losses: dict[str, float]
    exchanges: list[Exchange]
    waiting: dict[str, str]

    def __str__(self) -> str:
        domains = ", ".join(
            f"{d} version {v} (mean loss {self.mean_losses[d]:.4g})"
            for d, v in self.versions.items()
            if d in self.mean_losses
        )
        traded = ", ".join(f"{e.client_id} mixed {'+'.join(e.mixed)}" for e in self.exchanges)
        waiting = ", ".join(f"{c} waits ({why})" for c, why in self.waiting.items())
        return f"round {self.number}: " + "; ".join(filter(None, (domains, traded, waiting)))

    def __repr__(self) -> str:
        domains = ", ".join(
            f"{name} v{version}"
            + (f" loss {self.mean_losses[name]:.4g}" if name in self.mean_losses else "")
            for name, version in self.versions.items()
        )
        taken_s = sum(self.phases_s.values())
        return (
            f"RoundResult(round {self.number}, {domains}; {len(self.exchanges)} exchanges, "
            f"{len(self.waiting)} waiting, {taken_s:.3f} s)"
        )

    def to_pandas(self) -> Any:
        """A DataFrame: a row a domain."""
        return rounds_frame([self])


def rounds_frame(results: Iterable[RoundResult]) -> Any:
    """Rounds as a pandas DataFrame: a row a round and domain.

    `mean_loss` is NaN where no one reported one. Exchanges, waiting clients and seconds are those
    of the whole round, all its domains together.
    """
    import pandas as pd

    rows = [
        {
            "round": result.number,
            "domain": domain,
            "version": version,
            "mean_loss": result.mean_losses.get(domain),
            "exchanges": len(result.exchanges),
            "waiting": len(result.waiting),
            **{f"{phase}_s": seconds for phase, seconds in result.phases_s.items()},
        }
        for result in results
        for domain, version in result.versions.items()
    ]
    columns = ["round", "domain", "version", "mean_loss", "exchanges", "waiting"]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame.astype({"mean_loss": "float64"})


def clients_frame(clients: Iterable[ClientMemory]) -> Any:
    """Clients of the global memory as a pandas DataFrame: a row a client.

    A column an expert: the exponentially weighted mean of its losses.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "domain": client.domain,
            "client_id": client.client_id,
            "accepted": client.accepted,
            "rejected": client.rejected,
            "duplicates": client.duplicates,
            "avg_loss": client.latest.avg_loss,
            "total_samples": client.latest.total_samples,
            "meta_version": client.latest.meta_version,
            **{name: expert.ewma for name, expert in client.experts.items()},
        }
        for client in clients
    )
