"""Who moved a version, and by how much: its contributions, each left out in turn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scarcity.audit.beginning import links_from
from scarcity.audit.chain import Link, read_chain
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import VersionName, find
from scarcity.audit.steps import Step, cannot_make, needed
from scarcity.events.insight import ExpertInsight
from scarcity.events.types import Position
from scarcity.learning.contribution import Contribution, slope_norms
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import Version, contribution

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """What one insight did.

    Attributes:
        staleness: versions between the one it was measured on and the domain's.
        weight: 1 / (1 + staleness), or 1 where the rules say so; 0 when they ignore it.
        loss_before, loss_after: mean over experts of the loss under the version before, and under
            the one it was measured on; same split; None where it was not told.
        kept_slopes: mean over experts of the share that the cap left; None without slopes.
        influence: norm of the difference it makes to z: step with it less step without it.
        decides: without it the step would have been taken back (or not), or begun elsewhere.
    """

    client_id: str
    position: Position
    sequence: int | None
    meta_version: int
    staleness: int
    weight: float
    samples: int
    loss_before: float | None
    loss_after: float
    kept_slopes: float | None
    influence: float
    decides: bool


@dataclass(frozen=True)
class Explanation:
    """A version and its parts, the most influential first.

    Attributes:
        step_norm: norm of z less z of the version before; 0 for version 0.
        is_equal: the version made again has the hash that the ledger tells.
    """

    link: Link
    version: Version
    parts: tuple[Part, ...]
    step_norm: float
    is_equal: bool


def explain(
    log: AuditLog,
    name: VersionName,
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
    *,
    from_checkpoint: bool = False,
) -> Explanation:
    """Make a version again and take it apart.

    Args:
        from_checkpoint: begin at the last checkpoint before it.

    Raises:
        InputError: the ledger does not hold it, or there is no checkpoint before it.
        ServiceError: it can no longer be made again.
    """
    chain = read_chain(log.ledger, log.head)
    last = find(chain, name)
    links = needed(chain.links, {name.domain}, last)
    replay = Replay(log, rules, links)
    links = links_from(replay, chain.links, links, last, checkpoint=from_checkpoint)
    step = None
    for done, link in enumerate(links, 1):
        step = replay.step(link)
        on_step(done, len(links))
    if step is None or step.version is None:
        raise cannot_make(str(name), step.lost if step else "its entry is missing")
    parts = sorted(parts_of(step), key=lambda part: -part.influence)
    before = step.before
    moved = 0.0 if before is None else norm(step.version.domain.z - before.z)
    equal = step.version.result_hash == step.link.entry.result_hash
    return Explanation(step.link, step.version, tuple(parts), moved, equal)


def norm(values: Array) -> float:
    """Euclidean norm over all entries."""
    return float(np.sqrt((values * values).sum()))


def parts_of(step: Step) -> list[Part]:
    """What each insight of a version that was made again did, in the order of the inputs."""
    version = step.version
    if step.before is None or step.engine is None or version is None:
        return []
    current = step.before.version
    told = [contribution(heard.insight, current) for heard in step.heard]
    return [
        _part(step, step.engine, version, heard, told, number)
        for number, heard in enumerate(step.heard)
    ]


def _part(
    step: Step,
    engine: OnlineMAMLEngine,
    version: Version,
    heard: Heard,
    told: list[Contribution],
    number: int,
) -> Part:
    own = told[number]
    entry, insight = step.link.entry, heard.insight
    staleness = entry.version - 1 - own.meta_version
    rules = engine.settings
    counts = 0 <= staleness <= rules.max_staleness
    weight = 1 / (1 + staleness) if rules.weigh_staleness else 1.0
    influence, decides = _left_out(step, engine, version, told[:number] + told[number + 1 :])
    experts = insight.expert_insights.values()
    return Part(
        client_id=insight.client_id,
        position=Position(f"insights.{entry.domain}", heard.partition, heard.offset),
        sequence=insight.sequence,
        meta_version=own.meta_version,
        staleness=staleness,
        weight=weight if counts else 0.0,
        samples=insight.total_samples,
        loss_before=_mean([e.previous_loss for e in experts]),
        loss_after=_mean_loss(list(experts)),
        kept_slopes=_kept(engine, version, own),
        influence=influence,
        decides=decides,
    )


def _left_out(
    step: Step, engine: OnlineMAMLEngine, version: Version, others: list[Contribution]
) -> tuple[float, bool]:
    before, family, report = step.before, step.family_before, version.report
    if before is None or family is None or report is None:
        return 0.0, False
    if not others:
        return norm(version.domain.z - before.z), True
    without, _, told = engine.update(step.link.entry.domain, before, family, others)
    decides = (told.reverted, told.start) != (report.reverted, report.start)
    return norm(version.domain.z - without.z), decides


def _kept(engine: OnlineMAMLEngine, version: Version, own: Contribution) -> float | None:
    cap = engine.settings.cap_factor * version.domain.cap
    if own.slopes is None or np.isnan(cap).any():
        return None
    norms = slope_norms(own.slopes[None])[0]
    kept = np.where(norms > cap, cap / np.where(norms > 0, norms, 1.0), 1.0)
    return float(kept.mean())


def _mean(values: list[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None


def _mean_loss(experts: list[ExpertInsight]) -> float:
    return sum(e.loss for e in experts) / max(1, len(experts))
