"""The ledger as a chain, and what the audit made of it."""

from scarcity.dashboard.board import Board
from scarcity.dashboard.chain_tail import Entry
from scarcity.dashboard.pages.common import Document, Question, State, clip, short, status

A_PAGE = 30


def audit_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of the ledger's end, or of what lies before an entry's index."""
    domain = question.get("domain")
    before = question.number("before", -1, 0, 10**9)
    found = board.chain.newest(domain, before=None if before < 0 else before, many=A_PAGE)
    return {
        "status": status(board, state, now_ms),
        "domain": domain,
        "before": before,
        "length": board.chain.length,
        "broken": board.chain.broken,
        "breaks": list(board.chain.breaks),
        "order": [str(entry.index) for entry in found],
        "entries": {str(entry.index): _entry(entry) for entry in found},
        "jobs": list(state.jobs),
    }


def _entry(one: Entry) -> Document:
    entry = one.entry
    return {
        "index": one.index,
        "domain": entry.domain,
        "version": entry.version,
        "place": str(one.position),
        "hash": one.hash,
        "parent": entry.parent,
        "follows": one.follows,
        "result": entry.result_hash,
        "clients": entry.clients,
        "active": entry.active_clients,
        "closed_by": entry.closed_by,
        "reverted": entry.reverted,
        "loss": short(entry.mean_loss),
        "start": entry.start,
        "signed": bool(entry.signature),
        "key_id": clip(entry.key_id, 24),
        "checkpoint": bool(entry.checkpoint),
        "marks": [clip(mark.client_id, 40) for mark in entry.marks[:8]],
        "mark_count": len(entry.marks),
        "repair": [clip(name, 40) for name in entry.repair.without[:8]] if entry.repair else [],
        "written_at_ms": entry.written_at_ms,
        "code": clip(entry.code_version, 24),
        "phases": {name: short(seconds) for name, seconds in entry.phases_s.items()},
    }
