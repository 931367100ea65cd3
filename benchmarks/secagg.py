"""What a round of secure sums costs: time of a client and of the server, bytes of a client.

Run: `python -m benchmarks.secagg` (kept in docs/results/secagg.json), or with `--quick`.
"""

import secrets
from collections.abc import Callable
from functools import partial
from time import process_time

import numpy as np

from benchmarks import tables
from benchmarks.tables import Figures, Row, Spread, Table
from scarcity.events.codec import decode_msgpack, encode_json, encode_msgpack
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SumRules
from scarcity.events.secure_term import SecureTerm
from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, SLOPE_SCALE
from scarcity.learning.sum_layout import WIDTH, SumLayout
from scarcity.secagg.gathering import Gathering
from scarcity.secagg.masks import Ints, Place
from scarcity.secagg.member import Member

LAYOUT = SumLayout(tuple(range(len(EXPERT_NAMES))), slope_clip=5.0, loss_clip=4.0)
ROUNDS = 5
GONE = 0.3


class Clock:
    """CPU seconds of one side; what runs in a `with` counts."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._since = process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += process_time() - self._since


class Round:
    """One round in memory; every message is encoded by its sender and decoded by each reader.

    Attributes:
        client_s: CPU seconds of a client that stays to the end.
        up, down: bytes that it sends, and reads.
    """

    def __init__(self, clients: int, number: int) -> None:
        self.rules = SumRules(most_members=max(3, clients))
        self.place = Place("clinic", number)
        self.names = [f"client-{i:04d}" for i in range(clients)]
        self.server = Clock()
        self.client_s = 0.0
        self.up = self.down = 0.0
        self.gathering = Gathering("clinic", number, 0, self.rules, LAYOUT.dimension)

    def play(self, gone: int) -> None:
        """Play it; so many clients go after they have shared.

        Raises:
            ValueError: the sum is not that of the terms.
        """
        draw = np.random.default_rng(self.place.round)
        terms = {name: _term(draw) for name in self.names}
        members: dict[str, Member] = {}

        def begin(name: str) -> SecureKeys:
            members[name] = Member(name, self.place, self.rules, secrets.token_bytes)
            return members[name].keys()

        keys = self._sent(begin, self.names)
        notice = self._announced(keys, SecureKeys)
        heard = self._read(keys)
        shares = self._sent(lambda n: members[n].share(notice, heard), self.names)
        notice = self._announced(shares, SecureKeys)
        bundles = self._read(shares)
        left = self.names[gone:]
        masked = self._sent(
            lambda n: members[n].mask(
                notice, terms[n], {s: b.sealed[n] for s, b in bundles.items() if s != n}
            ),
            left,
        )
        asked = self._announced(masked, SecureTerm)
        revealed = self._sent(lambda n: members[n].reveal(asked), left)
        with self.server:
            for raw in list(revealed.values())[: self.gathering.threshold]:
                self.gathering.take(decode_msgpack(raw, SecureTerm))
            total = self.gathering.total()
        if total.tolist() != np.sum([terms[name] for name in left], axis=0).tolist():
            raise ValueError("the sum is not that of the terms")

    def _sent(
        self, make: Callable[[str], SecureKeys | SecureTerm], names: list[str]
    ) -> dict[str, bytes]:
        clock = Clock()
        with clock:
            raw = {name: encode_msgpack(make(name)) for name in names}
        self.client_s += clock.seconds / len(names)
        self.up += sum(map(len, raw.values())) / len(names)
        return raw

    def _announced(
        self, messages: dict[str, bytes], kind: type[SecureKeys] | type[SecureTerm]
    ) -> SecureRound:
        with self.server:
            for raw in messages.values():
                self.gathering.take(decode_msgpack(raw, kind))
            notice = self.gathering.go_on()
            raw = encode_msgpack(notice)
        self.down += len(raw)
        return notice

    def _read(self, messages: dict[str, bytes]) -> dict[str, SecureKeys]:
        """What each member reads of all the others."""
        clock = Clock()
        with clock:
            told = {name: decode_msgpack(raw, SecureKeys) for name, raw in messages.items()}
        self.client_s += clock.seconds
        self.down += sum(map(len, messages.values()))
        return told


def _term(draw: np.random.Generator) -> Ints:
    experts = len(EXPERT_NAMES)
    slopes = np.rint(draw.normal(0, 0.1, (experts, WIDTH)) * SLOPE_SCALE).astype(np.int64)
    losses = draw.uniform(0.1, 1.0, experts)
    return LAYOUT.term(losses, losses * 1.01, slopes, 20)


def plain_bytes() -> int:
    """Bytes of an insight with eight slopes an expert, as mode `open` sends it."""
    draw = np.random.default_rng(0)
    experts = {}
    for name in EXPERT_NAMES:
        slopes = np.rint(draw.normal(0, 0.1, SLOPE_LENGTH) * SLOPE_SCALE).astype(int).tolist()
        loss = float(draw.uniform(0.1, 1.0))
        experts[name] = ExpertInsight(loss, 20, loss * 1.01, slopes)
    return len(encode_json(Insight("client-0001", experts, 0.5, 26, "clinic", 10**15, 7)))


def cost(clients: int, share_gone: float, quick: bool) -> Figures:
    """Figures of a row."""
    client, server = [], []
    up = down = 0.0
    for number in range(1, 2 if quick else ROUNDS + 1):
        played = Round(clients, number)
        played.play(round(share_gone * clients))
        client.append(1000 * played.client_s)
        server.append(1000 * played.server.seconds)
        up, down = played.up, played.down
    return {
        "client (ms CPU a round)": Spread.of(client),
        "server (ms CPU a round)": Spread.of(server),
        "sent (KiB a client)": up / 1024,
        "read (KiB a client)": down / 1024,
        "term (KiB)": 8 * LAYOUT.dimension / 1024,
        "insight in mode open (KiB)": plain_bytes() / 1024,
    }


ABOUT = f"""\
One round of the protocol in one process, every message encoded and decoded as on its topic: keys,
shares, masked terms, reveals. The term has {LAYOUT.dimension} numbers of 64 bits: 129 slopes, loss
and count of each of ten experts, votes and rows. Threshold: above two thirds. CPU time, without
the gradient, the log and the wire; mean ± deviation over {ROUNDS} rounds; each round's sum is
compared with that of the terms. `30 % go`: they share and then send no term, the costliest point:
the server opens each one's key and makes its masks with everyone who stayed. A client reads the
keys and the sealed shares of all members, not only those that are for it: a topic has no filter.
Less is better."""

TABLE = Table(
    "secagg",
    "Secure sums: cost of a round",
    ABOUT,
    tuple(
        Row(
            f"{clients} members" + (", 30 % go" if gone else ""),
            partial(cost, clients, gone),
            in_quick=clients == 10,
        )
        for clients in (10, 50, 100)
        for gone in (0.0, GONE)
    ),
)


if __name__ == "__main__":
    tables.main("benchmarks.secagg", [TABLE])
