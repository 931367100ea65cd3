"""Does the log bear the ledger out? Chain, inputs, and every version made again from its inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scarcity.audit.beginning import begin_before
from scarcity.audit.chain import Chain, Fault, Finding, Link, read_chain
from scarcity.audit.inputs import UsedOnce
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, select
from scarcity.audit.senders import Senders, check_senders
from scarcity.audit.signatures import NO_TRUST, Signatures, Trust, check_signatures
from scarcity.audit.standings import Standings
from scarcity.audit.steps import Step, needed
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.standing import Mark
from scarcity.learning.starts import base_start
from scarcity.meta.noised_versions import spent_by
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
        resumed: entries from whose checkpoint it went on, as what was before is lost.
        began_at: the entry whose checkpoint it began at; None: the beginning of the ledger.
    """

    chain: Chain
    asked: int = 0
    equal: int = 0
    insights: int = 0
    findings: list[Finding] = field(default_factory=list)
    differing: list[Differing] = field(default_factory=list)
    lost: dict[str, list[Link]] = field(default_factory=dict)
    code_versions: set[str] = field(default_factory=set)
    signatures: Signatures = field(default_factory=Signatures)
    senders: Senders = field(default_factory=Senders)
    resumed: list[str] = field(default_factory=list)
    began_at: str | None = None

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
    *,
    trust: Trust = NO_TRUST,
    from_checkpoint: bool = False,
) -> VerifyReport:
    """Check the whole chain, and the versions that are asked for.

    Args:
        on_step: told how many of how many versions are done.
        trust: whose signatures hold.
        from_checkpoint: begin at the last checkpoint before what is asked for.

    Raises:
        InputError: no version is asked for, or there is no checkpoint before it.
    """
    chain = read_chain(log.ledger, log.head)
    report = VerifyReport(chain, findings=list(chain.findings))
    report.signatures = check_signatures(chain.links, trust)
    operators = None if trust.operators is None else trust.operators.keys
    report.senders = check_senders(log, chain.links, operators, required=trust.signed_insights)
    report.findings += report.signatures.findings + report.senders.findings
    asked = set(select(chain, selection))
    domains = {chain.links[at].entry.domain for at in asked}
    links = needed(chain.links, domains, max(asked, default=-1))
    replay = Replay(log, rules, links)
    if from_checkpoint:
        begin = begin_before(replay, chain.links, min(asked, default=0))
        report.began_at = begin.name
        links = [link for link in links if link.index > begin.index]
    once, standings = UsedOnce(), Standings(log.rulings, trust)
    for link in chain.links if from_checkpoint else ():
        if link.index <= begin.index:
            once.check(link.entry, ())
            standings.check(link, ())
    for done, link in enumerate(links, 1):
        step = replay.step(link)
        wrong = once.check(link.entry, step.heard)
        found = standings.check(link, step.heard)
        if link.index in asked:
            report.findings += [Finding(Fault.INPUTS, link.name, text) for text in wrong]
            report.findings += found
            _judge(report, step)
        on_step(done, len(links))
    report.resumed = replay.resumed
    return report


def _judge(report: VerifyReport, step: Step) -> None:
    link, version = step.link, step.version
    report.asked += 1
    report.insights += len(step.heard)
    report.code_versions.add(link.entry.code_version)
    if step.fault:
        report.findings.append(Finding(Fault.INPUTS, link.name, step.lost))
    report.findings += [Finding(_fault_of(link), link.name, text) for text in step.wrong]
    differences = differences_of(step)
    if version is None:
        report.lost.setdefault(step.lost, []).append(link)
    if differences:
        report.differing.append(Differing(link.name, differences))
    elif version is not None:
        report.equal += 1


def differences_of(step: Step) -> tuple[Difference, ...]:
    """The figures of an entry that the version made again does not bear out."""
    entry, differences = step.link.entry, []
    if step.heard or not entry.inputs:
        differences += _input_differences(step)
    if step.version is not None:
        differences += _differences(entry, step.version) + _mark_differences(step)
        differences += _account_differences(step)
    return tuple(differences)


def _input_differences(step: Step) -> list[Difference]:
    entry = step.link.entry
    _, inputs_hash = inputs_of(step.heard, step.canonical)
    compared: list[tuple[str, object, object]] = [
        ("inputs_hash", entry.inputs_hash, inputs_hash),
        ("clients", entry.clients, len(step.heard)),
    ]
    return _unequal(compared)


def _fault_of(link: Link) -> Fault:
    return Fault.CHECKPOINT if link.entry.repair is None else Fault.RULING


def _mark_differences(step: Step) -> list[Difference]:
    """The check's marks, told and found; a version on unknown evidence has none to compare."""
    told = [mark for mark in step.link.entry.marks if mark.by == "check"]
    return _unequal([("marks", _marks_text(told), _marks_text(step.marks))])


def _account_differences(step: Step) -> list[Difference]:
    """What the noise cost, told and counted again; six digits: accountants' releases differ."""
    entry = step.link.entry
    if entry.dp is None:
        return []
    spent = spent_by(entry.dp.rules, entry.version, [one.insight for one in step.heard])
    told = f"{entry.dp.epsilon:.6g} at delta {entry.dp.delta:g}"
    return _unequal([("epsilon", told, f"{spent:.6g} at delta {entry.dp.rules.delta:g}")])


def _marks_text(marks: Sequence[Mark]) -> str:
    texts = [f"{m.client_id} at [{m.partition}]@{m.offset}, {m.evidence!r}" for m in marks]
    return "; ".join(texts) or "none"


def _differences(entry: LedgerEntry, version: Version) -> list[Difference]:
    state, report = version.domain, version.report
    compared: list[tuple[str, object, object]] = [
        ("result_hash", entry.result_hash, version.result_hash),
        ("step_scale", entry.step_scale, state.step_scale),
    ]
    if report is None:
        if entry.repair is None:
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
