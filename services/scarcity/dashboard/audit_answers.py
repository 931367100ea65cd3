"""The audit's answers as the page shows them; pure. Needs the package numpy."""

from collections.abc import Callable

from scarcity.audit.beginning import begin_before
from scarcity.audit.chain import read_chain
from scarcity.audit.curves import curves_without
from scarcity.audit.influence import influence_of
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import Selection, VersionName, find
from scarcity.audit.verification import VerifyReport, verify
from scarcity.dashboard.jobs import Asked
from scarcity.dashboard.pages.common import Document, short, spread
from scarcity.events.errors import InputError

OnStep = Callable[[int, int], None]
MOST_TEXTS = 12


def answer(log: AuditLog, asked: Asked, rules: KnownRules, on_step: OnStep) -> Document:
    """Answer a question.

    Raises:
        InputError: the ledger holds nothing of what is asked for.
        ServiceError: a version can no longer be made again.
    """
    if asked.kind == "verify":
        return _verify(log, VersionName(asked.domain, asked.version), rules, on_step)
    if asked.kind == "without":
        points = spread(curves_without(log, asked.domain, [asked.client], rules, on_step))
        return {
            "x": [one.version for one in points],
            "recorded": [short(one.recorded) for one in points],
            "altered": [short(one.altered) for one in points],
            "apart": [short(one.apart / one.size if one.size else 0.0) for one in points],
            "heard": sum(one.heard for one in points),
        }
    found = influence_of(log, asked.domain, asked.client, rules, on_step)
    return {
        "versions": [
            {
                "version": one.version,
                "share": short(one.influence / one.step) if one.step else None,
                "influence": short(one.influence),
                "rank": one.rank,
                "clients": one.clients,
                "weight": short(one.weight),
                "decides": one.decides,
            }
            for one in found
        ]
    }


def _verify(log: AuditLog, name: VersionName, rules: KnownRules, on_step: OnStep) -> Document:
    chain = read_chain(log.ledger, log.head)
    at = find(chain, name)
    selection = Selection(name.domain, name.version, name.version)
    try:
        begin_before(Replay(log, rules, chain.links), chain.links, at)
        resumes = True
    except InputError:
        resumes = False  # no checkpoint before it: from the beginning
    report = verify(log, selection, rules, on_step, from_checkpoint=resumes)
    return {
        "equal": report.is_sound and report.is_complete and report.equal == report.asked,
        "made": report.equal + len(report.differing),
        "lost": list(report.lost)[:MOST_TEXTS],
        "hash": chain.links[at].entry.result_hash,
        "insights": report.insights,
        "chain": len(report.chain.links),
        "began_at": report.began_at or "",
        "differences": _differences(report),
        "findings": [str(one) for one in report.findings][:MOST_TEXTS],
    }


def _differences(report: VerifyReport) -> list[Document]:
    return [
        {"name": one.name, "told": one.told, "found": one.found}
        for differing in report.differing
        for one in differing.differences
    ][:MOST_TEXTS]
