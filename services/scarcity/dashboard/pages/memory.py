"""How full the global memory is, of whom, and whom it let go."""

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.common import Document, Question, State, status


def memory_page(board: Board, state: State, _question: Question, now_ms: int) -> Document:
    """The document of the memory; ``limit`` is a domain's bound, 0 when it is not known here."""
    held = board.memory_clients
    evicted: dict[str, int] = {}
    changes: dict[int, list[int]] = {}
    width = max((board.detail(n).memory.width_ms for n in board.names()), default=5_000)
    for name in board.names():
        line = board.detail(name).memory
        evicted[name] = board.domains[name].forgotten
        for at_ms, (came, gone) in line.buckets():
            sums = changes.setdefault(at_ms // width * width, [0, 0])
            sums[0] += came
            sums[1] += gone
    return {
        "status": status(board, state, now_ms),
        "limit": board.memory_limit,
        "held": held,
        "evicted": sum(evicted.values()),
        "domains": {
            name: {
                "held": domain.clients_heard,
                "accepted": domain.accepted.value,
                "duplicates": domain.duplicates.value,
                "rejected": sum(c.rejected for c in board.clients.of_domain(name)),
                "evicted": evicted[name],
            }
            for name, domain in sorted(board.domains.items())
        },
        "width_ms": width,
        "timeline": _running(changes),
        "listed": len(board.clients),
        "unlisted": board.clients.let_go + board.clients.unlisted,
    }


def _running(changes: dict[int, list[int]]) -> list[list[int]]:
    """[begin, clients held at its end, let go in it] by bucket."""
    held = 0
    line = []
    for at_ms, (came, gone) in sorted(changes.items()):
        held += came - gone
        line.append([at_ms, held, gone])
    return line
