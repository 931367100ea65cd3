"""What the generator publishes: good, repeated and bad insights of many clients. Pure."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from scarcity.events.types import EXPERT_NAMES, SLOPE_LENGTH, SLOPE_SCALE, Headers

REPEATED: Final = 0.03  # share of events that were sent before
LATE: Final = 0.01  # share with a number below the last
BAD: Final = 0.02


class Event(NamedTuple):
    """One record for an insights topic; ``is_bad``: it must be parked, None: it may be."""

    key: bytes
    value: bytes | None
    is_bad: bool | None
    headers: Headers = ()


def _cut(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told)[:-40]


def _with(**fields: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda told: orjson.dumps({**told, **fields})


def _expert(name: str = "expert_0", **fields: Any) -> Callable[[dict[str, Any]], bytes]:
    expert = {"loss": 0.5, "samples": 4, **fields}
    return _with(expert_insights={name: expert})


def _not_a_number(told: dict[str, Any]) -> bytes:
    return orjson.dumps({**told, "avg_loss": -1.5}).replace(b"-1.5", b"NaN")


def _far_too_long(told: dict[str, Any]) -> bytes:
    return orjson.dumps({**told, "note": "x" * 70_000})


# One of each reason for which the memory parks a record.
_BREAKAGES: Final[tuple[Callable[[dict[str, Any]], bytes | None], ...]] = (
    _cut,
    lambda _: b"",
    lambda _: None,
    _with(domain="elsewhere"),
    _with(client_id="somebody-else"),
    _with(schema_version="2.0"),
    _expert("expert_77"),
    _expert(samples=-5),
    _expert(slopes=[1] * (SLOPE_LENGTH + 2)),
    _expert(slopes=[6 * SLOPE_SCALE] + [0] * (SLOPE_LENGTH - 1)),
    _not_a_number,
    _far_too_long,
)


@dataclass
class Crowd:
    """Clients of one domain, each numbering its insights."""

    domain: str
    clients: int
    draw: random.Random
    _sequences: dict[int, int] = field(default_factory=dict)
    _last: dict[int, bytes] = field(default_factory=dict)

    def event(self) -> Event:
        """The next event of one of them."""
        number = self.draw.randrange(self.clients)
        key = self._name(number).encode()
        chance = self.draw.random()
        if chance < BAD:
            told = self._insight(number, self._sequences.get(number, 0) + 1)
            return Event(key, self.draw.choice(_BREAKAGES)(told), is_bad=True)
        if chance < BAD + REPEATED and number in self._last:
            return Event(key, self._last[number], is_bad=False)
        if chance < BAD + REPEATED + LATE and number in self._last:
            late = self._insight(number, max(0, self._sequences[number] - 3))
            return Event(key, orjson.dumps(late), is_bad=False)
        sequence = self._sequences[number] = self._sequences.get(number, 0) + 1
        value = self._last[number] = orjson.dumps(self._insight(number, sequence))
        return Event(key, value, is_bad=False)

    def _name(self, number: int) -> str:
        return f"{self.domain}-crowd-{number}"

    def _insight(self, number: int, sequence: int) -> dict[str, Any]:
        draw = self.draw
        experts = {
            name: {
                "loss": draw.lognormvariate(-1, 0.5),
                "samples": draw.randint(4, 30),
                "previous_loss": draw.lognormvariate(-1, 0.5),
                "slopes": [round(draw.gauss(0, 2**20)) for _ in range(SLOPE_LENGTH)],
            }
            for name in EXPERT_NAMES
        }
        return {
            "client_id": self._name(number),
            "expert_insights": experts,
            "avg_loss": 0.5,
            "total_samples": 40,
            "domain": self.domain,
            "sequence": sequence,
            "meta_version": 0,
            "schema_version": "1.0",
        }
