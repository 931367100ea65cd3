"""Which faults befall a run, and when. Pure: a seed gives the same plan."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What can happen (a closed set)."""

    KILL = "kill -9"
    ZOMBIE = "stopped beyond its session, then continued"
    SLOW = "starved: stopped most of the time for a while"
    JOIN = "a worker more"
    LEAVE = "a worker less, by SIGTERM"
    NO_DISK = "kill -9, and its next life can write no file"
    CLOCK_BACK = "its clock set back by an hour"
    BROKER_KILL = "kill -9 of the broker, and its restart"
    SEND_UNANSWERED = "kill -9 of a client host between send and acknowledgement"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        at_s: after the start of the run's disturbed part.
        victim: name of a process; empty where the kind says it all.
    """

    at_s: float
    kind: FaultKind
    victim: str = ""

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  {self.victim or 'broker'}: {self.kind}"


@dataclass(frozen=True)
class Dose:
    """How much of what befalls a run.

    Attributes:
        kills: by kind of process; what SEND_UNANSWERED and BROKER_KILL kill comes on top.
        others: by kind of fault, how often.
    """

    kills: Mapping[str, int]
    others: Mapping[FaultKind, int]


FULL = Dose(
    kills={"memory": 10, "meta": 7, "gossip": 4, "clients": 7, "monitor": 2},
    others={
        FaultKind.BROKER_KILL: 3,
        FaultKind.SEND_UNANSWERED: 3,
        FaultKind.NO_DISK: 2,
        FaultKind.ZOMBIE: 5,
        FaultKind.SLOW: 4,
        FaultKind.CLOCK_BACK: 4,
        FaultKind.JOIN: 2,
    },
)
SHORT = Dose(
    kills={"memory": 2, "meta": 1, "clients": 1},
    others={
        FaultKind.BROKER_KILL: 1,
        FaultKind.SEND_UNANSWERED: 1,
        FaultKind.NO_DISK: 1,
        FaultKind.ZOMBIE: 1,
        FaultKind.SLOW: 1,
        FaultKind.CLOCK_BACK: 1,
        FaultKind.JOIN: 1,
    },
)

# Kinds of process that a fault may choose. A stopped host would only be a slow one: it has no
# session; the monitor decides nothing by its clock.
_VICTIMS: Mapping[FaultKind, tuple[str, ...]] = {
    FaultKind.ZOMBIE: ("memory", "memory", "meta", "gossip"),
    FaultKind.SLOW: ("memory", "meta", "clients", "monitor"),
    FaultKind.NO_DISK: ("memory", "meta"),
    FaultKind.CLOCK_BACK: ("meta", "memory", "clients", "gossip"),
    FaultKind.SEND_UNANSWERED: ("clients",),
}


def draw_plan(
    seed: int,
    dose: Dose,
    processes: Mapping[str, Sequence[str]],
    seconds: float,
    stay_s: float,
) -> list[Fault]:
    """The faults of a run, in the order of their times.

    Each worker that joins leaves again ``stay_s`` later; its name is `memory-extra-<n>`.

    Args:
        processes: names by kind: memory, meta, gossip, clients, monitor.
        seconds: length of the disturbed part.
    """
    draw = random.Random(seed)
    wanted: list[tuple[FaultKind, str]] = []
    for kind, count in dose.kills.items():
        wanted += [(FaultKind.KILL, name) for name in _spread(draw, processes[kind], count)]
    for fault, count in dose.others.items():
        if fault is FaultKind.BROKER_KILL:
            wanted += [(fault, "")] * count
        elif fault is FaultKind.JOIN:
            wanted += [(fault, f"memory-extra-{number}") for number in range(1, count + 1)]
        else:
            kinds = _VICTIMS[fault]
            wanted += [
                (fault, draw.choice(processes[kinds[number % len(kinds)]]))
                for number in range(count)
            ]
    draw.shuffle(wanted)
    gap = seconds / max(1, len(wanted))
    faults = [
        Fault(gap * (place + draw.random()), kind, victim)
        for place, (kind, victim) in enumerate(wanted)
    ]
    leaving = [
        Fault(min(f.at_s + stay_s, seconds), FaultKind.LEAVE, f.victim)
        for f in faults
        if f.kind is FaultKind.JOIN
    ]
    return sorted([*faults, *leaving], key=lambda fault: fault.at_s)


def _spread(draw: random.Random, names: Sequence[str], count: int) -> list[str]:
    """``count`` names: every one before any comes again."""
    rounds = -(-count // len(names))
    chosen: list[str] = []
    for _ in range(rounds):
        chosen += draw.sample(list(names), len(names))
    return chosen[:count]
