"""What would have been learned: the same log folded again without some clients, or otherwise ruled.

The clients' reports stay what they were. They were measured on the parameters that they really had,
so a refold tells what the meta-learner would have made of the same reports, not what clients would
have reported on other parameters.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scarcity.audit.chain import Link, read_chain
from scarcity.audit.explanation import norm
from scarcity.audit.log import AuditLog
from scarcity.audit.recut import Recut
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import check_known
from scarcity.audit.steps import Step, cannot_make, needed
from scarcity.audit.taken_out import TakenOut
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.types import Position, Record
from scarcity.learning.initial import LOG_LAMBDA, THETA
from scarcity.learning.online_maml import DomainState, LearningSettings, OnlineMAMLEngine
from scarcity.memory.settings import MemorySettings
from scarcity.meta.recompute import Version


@dataclass(frozen=True)
class Question:
    """What would be different.

    Attributes:
        without: clients whose insights do not count.
        policy: when rounds close, in place of the recorded rounds.
        settings: learning rules, in place of the recorded ones.
        domain: look at this one only.
        memory_settings: as the memory workers have them; used with ``policy``.
    """

    without: Collection[str] = ()
    policy: RoundPolicy | None = None
    settings: LearningSettings | None = None
    domain: str | None = None
    memory_settings: MemorySettings = field(default_factory=MemorySettings)


@dataclass
class Course:
    """How a domain went.

    Attributes:
        insights: heard, all versions.
        taken_back: steps that the gate took back.
        mean_loss: of the last round; None before any.
        state: of the last version.
    """

    versions: int = 0
    insights: int = 0
    taken_back: int = 0
    mean_loss: float | None = None
    state: DomainState | None = None

    @property
    def running_loss(self) -> float | None:
        """Mean over experts of the running losses that clients route by; None before any."""
        losses = [] if self.state is None else self.state.domain_losses.tolist()
        told = [loss for loss in losses if loss == loss]  # NaN differs from itself
        return sum(told) / len(told) if told else None

    def add(self, version: Version, heard: int) -> None:
        """Note a version."""
        report = version.report
        self.versions += 1
        self.insights += heard
        self.taken_back += report is not None and report.reverted
        if report is not None and report.mean_loss is not None:
            self.mean_loss = report.mean_loss
        self.state = version.domain


@dataclass(frozen=True)
class Outcome:
    """A domain as it went and as it would have gone; norms of the differences of the last z.

    ``theta_norm`` and so on are of the recorded one, to compare with.
    """

    domain: str
    recorded: Course
    altered: Course
    theta: float
    log_lambda: float
    log_sigma2: float
    theta_norm: float
    log_lambda_norm: float
    log_sigma2_norm: float


class TwoCourses:
    """The recorded course and one without some clients, or under other rules, side by side.

    Args:
        links: the entries that will be stepped; the list may grow.

    Attributes:
        recorded, altered: the replays; nothing is altered without a change that was asked for.
        heard_of: clients that the recorded course heard, by domain.
    """

    def __init__(
        self,
        log: AuditLog,
        rules: KnownRules,
        links: Sequence[Link],
        *,
        without: Collection[str] = (),
        engine: OnlineMAMLEngine | None = None,
    ) -> None:
        self.recorded = Replay(log, rules, links)
        self.altered = (
            Replay(log, rules, links, without=TakenOut.of(without), engine=engine)
            if without or engine
            else self.recorded
        )
        self.heard_of: dict[str, set[str]] = defaultdict(set)
        self._courses: tuple[dict[str, Course], dict[str, Course]] = ({}, {})

    def step(self, link: Link) -> Step:
        """Make the next entry both ways; returns the recorded one.

        Raises:
            ServiceError: it can no longer be made again.
        """
        recorded = self.recorded.step(link)
        altered = recorded if self.altered is self.recorded else self.altered.step(link)
        for step, course in zip((recorded, altered), self._courses, strict=True):
            if step.version is None:
                raise cannot_make(link.name, step.lost)
            course.setdefault(link.entry.domain, Course()).add(step.version, len(step.heard))
        heard = self.heard_of[link.entry.domain]
        heard.update(one.insight.client_id for one in recorded.heard)
        return recorded

    def add_insight(self, record: Record) -> None:
        """Take in an insight that was recorded after the log was read."""
        self.recorded.index.add(record)
        self.altered.index.add(record)

    def has_insight(self, position: Position) -> bool:
        """Whether an insight is there."""
        return position in self.recorded.index.records

    def outcomes(self, domains: Iterable[str]) -> list[Outcome]:
        """Both courses of these domains, compared."""
        recorded, altered = self._courses
        return [_outcome(name, recorded[name], altered[name]) for name in sorted(domains)]


def counterfactual(
    log: AuditLog,
    question: Question,
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> list[Outcome]:
    """Fold again and compare, by domain.

    Raises:
        InputError: a client contributed to nothing, the domain has no version, or the log holds
            too little for another round policy.
        ServiceError: a version can no longer be made again.
    """
    chain = read_chain(log.ledger, log.head)
    if question.domain is not None:
        check_known(chain, question.domain)
    if question.policy is not None and not log.is_whole:
        raise InputError(
            "another round policy needs all insights; this bundle holds those that versions used: "
            "export it with --all-insights"
        )
    domains = {link.entry.domain for link in chain.links}
    domains = domains if question.domain is None else {question.domain}
    links = needed(chain.links, domains, len(chain.links) - 1)
    engine = _engine(question)
    # Under another round policy the entries are made as they were, and then recut.
    recut = question.policy is not None
    courses = TwoCourses(
        log,
        rules,
        links,
        without=() if recut else question.without,
        engine=None if recut else engine,
    )
    for done, link in enumerate(links, 1):
        courses.step(link)
        on_step(done, len(links))
    check_clients(question.without, courses.heard_of, question.domain)
    if question.policy is None:
        return courses.outcomes(domains)
    again = _recut(log, question, question.policy, rules, links, engine)
    was = {outcome.domain: outcome.recorded for outcome in courses.outcomes(domains)}
    return [_outcome(name, was[name], again[name]) for name in sorted(domains)]


def _recut(
    log: AuditLog,
    question: Question,
    policy: RoundPolicy,
    rules: KnownRules,
    links: Sequence[Link],
    engine: OnlineMAMLEngine | None,
) -> dict[str, Course]:
    courses: dict[str, Course] = {}
    again = Recut(policy, Replay(log, rules, links, engine=engine), question.memory_settings)
    topics = {f"insights.{link.entry.domain}" for link in links}
    records = [r for topic in sorted(topics) for r in log.insights.get(topic, ())]
    without = {client.encode() for client in question.without}
    kept = [record for record in records if record.key not in without]
    for domain, version, heard in again.run(links, kept):
        courses.setdefault(domain, Course()).add(version, heard)
    return courses


def _engine(question: Question) -> OnlineMAMLEngine | None:
    return None if question.settings is None else OnlineMAMLEngine(question.settings)


def check_clients(
    without: Collection[str], heard_of: Mapping[str, set[str]], domain: str | None
) -> None:
    """Refuse clients that no version heard.

    Raises:
        InputError: names one.
    """
    unknown = sorted(set(without) - set().union(*heard_of.values()))
    if unknown:
        where = "no version" if domain is None else f"no version of {domain}"
        raise InputError(f"client {unknown[0]!r} is heard in {where}")


def _outcome(domain: str, recorded: Course, altered: Course) -> Outcome:
    one, other = recorded.state, altered.state
    if one is None or other is None:
        raise InputError(f"domain {domain} has no version to compare")
    parts = (THETA, LOG_LAMBDA, slice(-1, None))
    apart = [norm(other.z[:, part] - one.z[:, part]) for part in parts]
    sizes = [norm(one.z[:, part]) for part in parts]
    return Outcome(domain, recorded, altered, *apart, *sizes)
