"""The table of clients, and one of them."""

from scarcity.client.budget import Budget
from scarcity.dashboard.board import Board
from scarcity.dashboard.clients import SORTS, ClientFacts
from scarcity.dashboard.pages.common import (
    Document,
    Question,
    State,
    clip,
    mark_of,
    short,
    status,
)

A_PAGE = 50
MOST_PAGES = 2_000


def clients_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of a page of the table, by search, domain and order."""
    search, domain = question.get("search"), question.get("domain")
    sort = question.get("sort", "seen")
    sort = sort if sort in SORTS else "seen"
    number = question.number("page", 1, 1, MOST_PAGES)
    first = (number - 1) * A_PAGE
    matches, found = board.clients.search(
        search, domain=domain, sort=sort, first=first, many=A_PAGE
    )
    return {
        "status": status(board, state, now_ms),
        "search": search,
        "domain": domain,
        "sort": sort,
        "page": number,
        "pages": max(1, -(-matches // A_PAGE)),
        "matches": matches,
        "total": len(board.clients),
        "unlisted": board.clients.let_go + board.clients.unlisted,
        "order": [_key(client) for client in found],
        "rows": {_key(client): _row(board, client) for client in found},
    }


def _key(client: ClientFacts) -> str:
    return f"{client.domain}/{client.client_id}"


def _row(board: Board, client: ClientFacts) -> Document:
    domain = board.domains.get(client.domain)
    version = domain.version if domain else -1
    return {
        "id": client.client_id,
        "shown": clip(client.client_id, 60),
        "domain": client.domain,
        "loss": short(client.loss),
        "accepted": client.accepted,
        "rejected": client.rejected,
        "duplicates": client.duplicates,
        "seen_ms": client.last_seen_ms // 1000 * 1000,
        "behind": max(0, version - client.version) if client.version >= 0 else None,
        "held": client.held,
        "marked": mark_of(board, client),
        "limit": client.limit_reached,
    }


def client_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of one client; ``known`` is false when no topic tells of it."""
    name, client_id = question.get("domain"), question.get("client")
    client = board.clients.find(name, client_id)
    page: Document = {
        "status": status(board, state, now_ms),
        "domain": name,
        "client": client_id,
        "shown": clip(client_id),
        "known": client is not None,
        "jobs": [job for job in state.jobs if job["domain"] == name and job["client"] == client_id],
    }
    if client is None:
        return page
    detail = board.detail(name)
    budget = None
    if detail.profile is not None and detail.profile.privacy == "budget" and client.registered:
        columns = len(detail.profile.features)
        budget = Budget.of(rows=client.rows, columns=columns, mode="budget").limit
    return (
        page
        | _row(board, client)
        | {
            "registered": client.registered,
            "rows": client.rows,
            "version": client.version,
            "first_seen_ms": client.first_seen_ms,
            "leased": client.leased_scalars,
            "budget": budget,
            "epsilon": short(client.epsilon),
            "gossip": list(client.gossip or ()),
            "evicted": [clip(peer) for peer in client.evicted],
            "history": [
                [at_ms, short(loss), version]
                for at_ms, loss, version in board.clients.history(name, client_id)
            ],
            "typical": short(_typical(board, name)),
        }
    )


def _typical(board: Board, domain: str) -> float | None:
    """Mean over experts of the losses that clients route by."""
    told = [loss for loss in board.detail(domain).now_losses if loss is not None]
    return sum(told) / len(told) if told else None
