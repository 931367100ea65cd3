"""Who counts: a marked client's insights are used by no version until it is lifted, and every mark
or lift that an operator is said to have given lies signed in `rulings`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from scarcity.audit.chain import Fault, Finding, Link
from scarcity.audit.signatures import Trust
from scarcity.events.codec import decode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.events.ruling import Ruling
from scarcity.events.standing import Mark
from scarcity.events.types import Record
from scarcity.keys.signed_events import judge_event
from scarcity.keys.signing import Verdict
from scarcity.meta.pending import Heard
from scarcity.meta.rulings import MAX_RULING_BYTES


class Standings:
    """Follows the marks entry by entry; entries come in the order of the ledger.

    Args:
        rulings: records of `rulings` that are kept.
    """

    def __init__(self, rulings: Iterable[Record], trust: Trust) -> None:
        self._rulings = {record.position.offset: record for record in rulings}
        self._trust = trust
        self._marked: dict[str, dict[str, Mark]] = defaultdict(dict)

    @property
    def marked(self) -> Mapping[str, Mapping[str, Mark]]:
        """Marks by domain and client, as of the last entry."""
        return self._marked

    def check(self, link: Link, heard: Iterable[Heard]) -> list[Finding]:
        """What is wrong with an entry's clients and rulings."""
        entry = link.entry
        marked = self._marked[entry.domain]
        texts = self._check_rulings(entry)
        for lift in entry.lifted:
            marked.pop(lift.client_id, None)
        for mark in entry.marks:
            if mark.by != "check":
                marked[mark.client_id] = mark
        used = sorted({h.insight.client_id for h in heard} & marked.keys())
        findings = [
            Finding(Fault.INPUTS, link.name, f"it uses an insight of {client!r}, which is marked")
            for client in used
        ]
        for mark in entry.marks:
            marked[mark.client_id] = mark
        return findings + [Finding(Fault.RULING, link.name, text) for text in texts]

    def _check_rulings(self, entry: LedgerEntry) -> list[str]:
        told: dict[tuple[int, str], list[str]] = defaultdict(list)
        for mark in entry.marks:
            if mark.by != "check":
                kind = "repair" if mark.by == "repair" else "quarantine"
                told[mark.ruling, kind].append(mark.client_id)
        for lift in entry.lifted:
            told[lift.ruling, "readmit"].append(lift.client_id)
        if entry.repair is not None:
            told[entry.repair.ruling, "repair"].extend(entry.repair.without)
        texts = [self._check_ruling(entry, *what, clients) for what, clients in told.items()]
        return [text for text in texts if text]

    def _check_ruling(
        self, entry: LedgerEntry, offset: int, kind: str, clients: Sequence[str]
    ) -> str:
        where = f"rulings[0]@{offset}"
        record = self._rulings.get(offset)
        try:
            ruling = decode_msgpack(
                record.value if record else None, Ruling, limit=MAX_RULING_BYTES
            )
        except EventError as error:
            return f"{where}, which it tells of, {'is not there' if record is None else error}"
        if ruling.kind != kind or not set(clients) <= set(ruling.clients):
            return f"{where} is no {kind} of {', '.join(clients)}"
        if kind == "repair":
            base = (ruling.base_length, ruling.base_hash)
            repaired = {state.key for state in ruling.states}
            note = entry.repair
            fits = note is not None and base == (note.base_length, note.base_hash)
        else:
            repaired, fits = set(ruling.domains), True
        if not fits or entry.domain not in repaired:
            return f"{where} rules of something else than {entry.domain}@{entry.version}"
        if self._trust.operators is None:
            return ""
        verdict = judge_event(ruling, self._trust.operators)
        if verdict is Verdict.GOOD:
            return ""
        return f"the signature of {where} is {verdict} (key {ruling.key_id or 'none'})"
