"""The parked records."""

from dataclasses import asdict

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.common import Document, Question, State, status

A_PAGE = 50


def dead_letters_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of the newest parked records, all or of one reason."""
    reason = question.get("reason")
    found = [one for one in reversed(board.letters.newest) if reason in ("", one.reason)]
    shown = found[:A_PAGE]
    return {
        "status": status(board, state, now_ms),
        "reason": reason,
        "total": board.letters.total,
        "reasons": dict(sorted(board.dead_letters.items())),
        "kept": len(found),
        "order": [one.name for one in shown],
        "letters": {one.name: asdict(one) for one in shown},
    }
