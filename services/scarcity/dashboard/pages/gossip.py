"""Who trades priors with whom, and whom clients leave out."""

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.common import Document, Question, State, clip, status
from scarcity.events.gossip_plan import GossipPlan

MOST_GROUPS = 24  # drawn; the figures count all
MOST_WAITING = 48
AHEAD_MS = 60_000


def gossip_page(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of a domain's gossip; without a domain, of the first one that gossips."""
    name = question.get("domain")
    if name not in board.domains:
        traded = [n for n in board.names() if board.domains[n].plans]
        name = name or (traded or board.names() or [""])[0]
    page: Document = {
        "status": status(board, state, now_ms),
        "name": name,
        "known": name in board.domains,
        "domains": {
            n: [d.exchanges.value, d.evictions.value, d.readmissions.value]
            for n, d in sorted(board.domains.items())
        },
    }
    domain = board.domains.get(name)
    if domain is None:
        return page
    newest = [plan for plan in domain.plans.values() if plan.cycle == domain.gossip_cycle]
    groups: dict[int, list[GossipPlan]] = {}
    for plan in newest:
        if plan.status == "exchange":
            groups.setdefault(plan.group, []).append(plan)
    waiting = sorted(plan.client_id for plan in newest if plan.status == "waiting")
    line = board.detail(name).gossip
    return page | {
        "cycle": domain.gossip_cycle,
        "groups": {str(g): _group(board, name, groups[g]) for g in sorted(groups)[:MOST_GROUPS]},
        "group_count": len(groups),
        "waiting": [clip(client) for client in waiting[:MOST_WAITING]],
        "waiting_count": len(waiting),
        "reason": domain.waiting,
        "exchanges": domain.exchanges.value,
        "evictions": domain.evictions.value,
        "readmissions": domain.readmissions.value,
        "left_out": sum(len(c.evicted) for c in board.clients.of_domain(name)),
        "width_ms": line.width_ms,
        # A sender's clock may be ahead.
        "timeline": [[at, *counts] for at, counts in line.buckets() if at <= now_ms + AHEAD_MS],
    }


def _group(board: Board, domain: str, plans: list[GossipPlan]) -> Document:
    """Members, pairs of them that trade, and pairs of which one leaves the other out."""
    members = sorted(plan.client_id for plan in plans)
    number = {client: at for at, client in enumerate(members)}
    pairs = sorted(
        {
            (min(a, b), max(a, b))
            for plan in plans
            for peer in plan.peers
            if (b := number.get(peer)) is not None
            for a in [number[plan.client_id]]
            if a != b
        }
    )
    evicted = set()
    for client in members:
        facts = board.clients.find(domain, client)
        for peer in facts.evicted if facts else ():
            if peer in number:
                evicted.add((number[client], number[peer]))
    return {
        "members": [clip(client) for client in members],
        "pairs": [list(pair) for pair in pairs],
        "evicted": [list(pair) for pair in sorted(evicted)],
    }
