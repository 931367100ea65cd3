"""How much one client moved the versions that heard it."""

from collections.abc import Callable
from dataclasses import dataclass

from scarcity.audit.chain import Link, read_chain
from scarcity.audit.explanation import norm, parts_of
from scarcity.audit.inputs import positions
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.selection import check_known
from scarcity.audit.steps import cannot_make, needed
from scarcity.events.errors import InputError


@dataclass(frozen=True)
class Influence:
    """What a client's insight did to a version.

    Attributes:
        influence: norm of the difference it makes to z; ``step``: norm of the whole step.
        rank: 1: no other client moved it more; ``clients``: how many there were.
        weight: its weight among the insights, by staleness.
        decides: without it the step would have been taken back (or not), or begun elsewhere.
    """

    version: int
    influence: float
    step: float
    rank: int
    clients: int
    weight: float
    decides: bool


def influence_of(
    log: AuditLog,
    domain: str,
    client: str,
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
    *,
    newest: int = 8,
) -> list[Influence]:
    """The newest versions that heard a client, each taken apart.

    Raises:
        InputError: the domain has no version, or none of its versions heard the client.
        ServiceError: a version can no longer be made again.
    """
    chain = read_chain(log.ledger, log.head)
    check_known(chain, domain)
    keys = {record.position: record.key for found in log.insights.values() for record in found}
    wanted = client.encode()
    used = [
        link.index
        for link in chain.links
        if link.entry.domain == domain
        and any(keys.get(position) == wanted for position in positions(link.entry))
    ][-newest:]
    if not used:
        raise InputError(f"client {client!r} is heard in no version of {domain}")
    links = needed(chain.links, {domain}, used[-1])
    replay, left = _from_checkpoint(links, log, rules, used[0])
    found = []
    for done, link in enumerate(left, 1):
        step = replay.step(link)
        if link.index in used:
            if step.version is None:
                raise cannot_make(link.name, step.lost)
            parts = sorted(parts_of(step), key=lambda part: -part.influence)
            moved = 0.0 if step.before is None else norm(step.version.domain.z - step.before.z)
            found += [
                Influence(
                    link.entry.version, part.influence, moved, rank, len(parts), part.weight,
                    part.decides,
                )
                for rank, part in enumerate(parts, 1)
                if part.client_id == client
            ]  # fmt: skip
        on_step(done, len(left))
    return found


def _from_checkpoint(
    links: list[Link], log: AuditLog, rules: KnownRules, first: int
) -> tuple[Replay, list[Link]]:
    """A replay, and the entries that it is still to step: from a checkpoint where there is one."""
    replay = Replay(log, rules, links)
    for link in reversed(links):
        if link.index < first and link.entry.checkpoint and replay.begin_at(link):
            return replay, [one for one in links if one.index > link.index]
    return replay, links
