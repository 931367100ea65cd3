"""Plays rounds of secure sums in memory: members, a server, and who goes when."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SumRules
from scarcity.events.secure_term import SecureTerm
from scarcity.secagg.gathering import Gathering
from scarcity.secagg.masks import Ints, Place
from scarcity.secagg.member import Member

DOMAIN, ROUND, VERSION = "clinic", 7, 3
PLACE = Place(DOMAIN, ROUND)
NOBODY: frozenset[str] = frozenset()


def drawing(*seed: object) -> Callable[[int], bytes]:
    """Bytes that look random and are the same everywhere."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(repr((seed, count)).encode()).digest(size)

    return draw


def names(count: int) -> list[str]:
    """Clients whose names do not sort as their numbers do."""
    return [f"c{i}" for i in range(count)]


def random_terms(clients: Collection[str], dimension: int, seed: int = 0) -> dict[str, Ints]:
    """Terms of any 64 bits."""
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    draw = np.random.default_rng(seed)
    return {c: draw.integers(low, high, dimension, np.int64, endpoint=True) for c in clients}


@dataclass
class Played:
    """A round as it went.

    Attributes:
        notices: what the server announced, in order.
        shares, masked, revealed: messages by client.
    """

    gathering: Gathering
    members: dict[str, Member]
    notices: list[SecureRound] = field(default_factory=list)
    shares: dict[str, SecureKeys] = field(default_factory=dict)
    masked: dict[str, SecureTerm] = field(default_factory=dict)
    revealed: dict[str, SecureTerm] = field(default_factory=dict)

    def sealed_for(self, client: str) -> dict[str, bytes]:
        """Shares that were sealed for a client, by sender."""
        return {s: told.sealed[client] for s, told in self.shares.items() if client in told.sealed}


def play(
    terms: Mapping[str, Ints],
    *,
    before_shares: Collection[str] = NOBODY,
    before_terms: Collection[str] = NOBODY,
    after_terms: Collection[str] = NOBODY,
    rules: SumRules | None = None,
    seed: int = 0,
) -> Played:
    """One round up to the reveals; clients named go at that point.

    Stops early when fewer than the threshold are left.
    """
    rules = rules or SumRules()
    dimension = len(next(iter(terms.values())))
    gathering = Gathering(DOMAIN, ROUND, VERSION, rules, dimension)
    members = {c: Member(c, PLACE, rules, drawing(seed, c)) for c in terms}
    game = Played(gathering, members)
    heard = {c: m.keys() for c, m in members.items()}
    for told in heard.values():
        assert gathering.take(told)
    game.notices.append(gathering.go_on())
    left = [c for c in terms if c not in before_shares]
    for client in left:
        game.shares[client] = members[client].share(game.notices[-1], heard)
        assert gathering.take(game.shares[client])
    if not gathering.enough():
        return game
    game.notices.append(gathering.go_on())
    left = [c for c in left if c not in before_terms]
    for client in left:
        game.masked[client] = members[client].mask(
            game.notices[-1], terms[client], game.sealed_for(client)
        )
        assert gathering.take(game.masked[client])
    if not gathering.enough():
        return game
    game.notices.append(gathering.go_on())
    for client in [c for c in left if c not in after_terms]:
        game.revealed[client] = members[client].reveal(game.notices[-1])
        assert gathering.take(game.revealed[client])
    return game


def plain_sum(terms: Mapping[str, Ints], clients: Collection[str]) -> list[int]:
    """The sum modulo 2**64 as Python's integers add it."""
    total = [sum(int(terms[c][i]) for c in clients) for i in range(len(next(iter(terms.values()))))]
    return [(t + 2**63) % 2**64 - 2**63 for t in total]
