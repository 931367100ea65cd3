"""Does the log bear the ledger out? Chain, inputs, and every version made again from its inputs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from scarcity.audit.chain import Chain, Fault, Finding, Link, read_chain
from scarcity.audit.inputs import InsightIndex, UsedOnce
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay, Step, needed
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, select
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.learning.starts import base_start
from scarcity.meta.recompute import Version, inputs_of


@dataclass(frozen=True)
class Difference:
    """A figure that the ledger tells and the log does not bear out."""

    name: str
    told: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: the ledger says {self.told}, recomputed {self.found}"


@dataclass(frozen=True)
class Differing:
    """A version that differs, and in what."""

    version: str
    differences: tuple[Difference, ...]


@dataclass
class VerifyReport:
    """What came out.

    Attributes:
        asked: versions that were asked for.
        equal: of these, made again with equal figures.
        differing: of these, made again and not equal; the first comes first.
        lost: of these, by reason, those that can no longer be made again.
    """

    chain: Chain
    asked: int = 0
    equal: int = 0
    insights: int = 0
    findings: list[Finding] = field(default_factory=list)
    differing: list[Differing] = field(default_factory=list)
    lost: dict[str, list[Link]] = field(default_factory=dict)
    code_versions: set[str] = field(default_factory=set)

    @property
    def is_sound(self) -> bool:
        """Nothing was found wrong; what is lost is not wrong."""
        return not self.findings and not self.differing

    @property
    def is_complete(self) -> bool:
        """Every version that was asked for was made again."""
        return not self.lost


def verify(
    log: AuditLog,
    selection: Selection,
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> VerifyReport:
    """Check the whole chain, and the versions that are asked for.

    Args:
        on_step: told how many of how many versions are done.

    Raises:
        InputError: no version is asked for.
    """
    chain = read_chain(log.ledger, log.head)
    report = VerifyReport(chain, findings=list(chain.findings))
    asked = set(select(chain, selection))
    domains = {chain.links[at].entry.domain for at in asked}
    wanted = {chain.links[at].position for at in asked}
    links = needed(chain.links, domains, max(asked, default=-1))
    replay, once = Replay(InsightIndex.of(log), rules), UsedOnce()
    for done, link in enumerate(links, 1):
        step = replay.step(link)
        wrong = once.check(link.entry, step.heard)
        if link.position in wanted:
            report.findings += [Finding(Fault.INPUTS, link.name, text) for text in wrong]
            _judge(report, step)
        on_step(done, len(links))
    return report


def _judge(report: VerifyReport, step: Step) -> None:
    link, version = step.link, step.version
    report.asked += 1
    report.insights += len(step.heard)
    report.code_versions.add(link.entry.code_version)
    if step.fault:
        report.findings.append(Finding(Fault.INPUTS, link.name, step.lost))
    differences: list[Difference] = []
    if step.heard or not link.entry.inputs:
        differences += _input_differences(step)
    if version is None:
        report.lost.setdefault(step.lost, []).append(link)
    else:
        differences += _differences(link.entry, version)
    if differences:
        report.differing.append(Differing(link.name, tuple(differences)))
    elif version is not None:
        report.equal += 1


def _input_differences(step: Step) -> list[Difference]:
    entry = step.link.entry
    _, inputs_hash = inputs_of(step.heard)
    compared: list[tuple[str, object, object]] = [
        ("inputs_hash", entry.inputs_hash, inputs_hash),
        ("clients", entry.clients, len(step.heard)),
    ]
    return _unequal(compared)


def _differences(entry: LedgerEntry, version: Version) -> list[Difference]:
    state, report = version.domain, version.report
    compared: list[tuple[str, object, object]] = [
        ("result_hash", entry.result_hash, version.result_hash),
        ("step_scale", entry.step_scale, state.step_scale),
    ]
    if report is None:
        compared.append(("start", entry.start, base_start(state.candidates)))
        return _unequal(compared)
    losses = [None if loss != loss else loss for loss in report.expert_losses.tolist()]
    compared += [
        ("reverted", entry.reverted, report.reverted),
        ("start", entry.start, report.start),
        ("mean_loss", entry.mean_loss, report.mean_loss),
        ("expert_losses", entry.expert_losses, losses),
        ("mean_staleness", entry.mean_staleness_versions, report.mean_staleness_versions),
    ]
    return _unequal(compared)


def _unequal(compared: list[tuple[str, object, object]]) -> list[Difference]:
    return [Difference(name, str(a), str(b)) for name, a, b in compared if a != b]
