"""Whose ledger it is: the signature of every entry, under the keys that the auditor trusts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from scarcity.audit.chain import Fault, Finding, Link
from scarcity.keys.signed_events import judge_event
from scarcity.keys.signing import TrustedKeys, Verdict


@dataclass(frozen=True)
class Trust:
    """What an auditor goes by.

    Attributes:
        writers, operators: keys of the meta-learner and of operators; None: signatures are counted
            and not checked.
        signed: an entry without a signature is a finding.
        signed_insights: so is an insight.
    """

    writers: TrustedKeys | None = None
    operators: TrustedKeys | None = None
    signed: bool = False
    signed_insights: bool = False


NO_TRUST: Final = Trust()


@dataclass
class Signatures:
    """What was found of a ledger's signatures.

    Attributes:
        keys: entries by the id of the key that they name.
        good: of these, with a signature that was checked and holds.
        unsigned: entries without one.
    """

    keys: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    unsigned: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    checked: bool = False


def check_signatures(links: Sequence[Link], trust: Trust) -> Signatures:
    """Judge the signature of every entry; one that does not hold is a finding."""
    found = Signatures(checked=trust.writers is not None)
    for link in links:
        entry = link.entry
        if not entry.signature and not entry.key_id:
            found.unsigned.append(link)
            if trust.signed:
                found.findings.append(Finding(Fault.SIGNATURE, link.name, "it is not signed"))
            continue
        found.keys[entry.key_id] += 1
        if trust.writers is None:
            continue
        verdict = judge_event(entry, trust.writers)
        if verdict is Verdict.GOOD:
            found.good[entry.key_id] += 1
        else:
            found.findings.append(Finding(Fault.SIGNATURE, link.name, _why(verdict, entry.key_id)))
    return found


def _why(verdict: Verdict, key_id: str) -> str:
    if verdict is Verdict.UNKNOWN_KEY:
        return f"it is signed by key {key_id or 'without a name'}, which is not among the trusted"
    return f"its signature is not that of key {key_id} over this entry"
