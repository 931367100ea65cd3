"""The first version that differs, without making all of them again.

Two ways, both by halving:

- *Over checkpoints.* Each stretch between two checkpoints can be made again by itself: from the
  states at its beginning to those at its end. What differs for good (rewritten insights from some
  day on, other arithmetic, settings that were given wrongly) makes the last stretch differ, and
  halving finds where that begins. A difference in one stretch alone, with good ones after it, is
  not found this way; `verify` without bisecting makes every version again.

- *Against another copy of the ledger*, e.g. a bundle that was exported earlier. Entries are
  chained, so two copies agree up to some entry and at none after it: halving finds the first that
  differs exactly. That one version is made again, and shows which copy the log bears out.

Source: the second is the search of refereed delegation: Canetti, Riva and Rothblum (2011),
"Practical delegation of computation using multiple servers", CCS, section 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scarcity.audit.chain import Link, read_chain
from scarcity.audit.log import AuditLog
from scarcity.audit.replaying import Replay
from scarcity.audit.rules import KnownRules
from scarcity.audit.steps import cannot_make, needed
from scarcity.audit.verification import Differing, differences_of
from scarcity.events.errors import InputError


@dataclass
class Bisection:
    """What halving over checkpoints found.

    Attributes:
        stretches: between two checkpoints, and after the last.
        made: stretches that were made again.
        differing: the first version that differs in the first bad stretch; None: the last stretch
            is borne out.
        before: the checkpoint that this stretch begins at; empty: the beginning of the ledger.
        wrong: what the checkpoint at its end holds and the log does not bear out.
        lost: why a stretch could not be made again; it was passed over as if it were borne out.
    """

    stretches: int
    made: int = 0
    differing: Differing | None = None
    before: str = ""
    wrong: tuple[str, ...] = ()
    lost: str = ""


def bisect_checkpoints(
    log: AuditLog, rules: KnownRules, on_step: Callable[[int, int], None] = lambda *_: None
) -> Bisection:
    """Find where versions begin to differ for good.

    Raises:
        InputError: there is no checkpoint to begin at.
        ServiceError: the last stretch can no longer be made again.
    """
    links = read_chain(log.ledger, log.head).links
    search = _Search(log, rules, links, on_step)
    if len(search.ends) < 2:
        raise InputError("`checkpoints` keeps none: verify without --bisect")
    found = Bisection(stretches=len(search.ends) - 1)
    # Invariant: stretch ``bad`` differs, and ``good`` is one before it that does not, or none.
    good, bad = -1, found.stretches - 1
    last = search.make(bad)
    if search.lost:
        raise cannot_make(links[-1].name, search.lost)
    while last is not None and bad - good > 1:
        middle = (good + bad) // 2
        one = search.make(middle)
        if one is None:
            good = middle
        else:
            bad, last = middle, one
    found.made, found.lost = search.made, search.lost
    if last is not None:
        found.differing, found.wrong = last
        begin = search.ends[bad]
        found.before = links[begin].name if begin >= 0 else ""
    return found


_Bad = tuple[Differing | None, tuple[str, ...]]


@dataclass
class _Search:
    log: AuditLog
    rules: KnownRules
    links: Sequence[Link]
    on_step: Callable[[int, int], None]
    made: int = 0
    lost: str = ""
    ends: list[int] = field(default_factory=list)  # -1, then indices of entries with a checkpoint

    def __post_init__(self) -> None:
        replay = Replay(self.log, self.rules, self.links)
        kept = [link.index for link in self.links if replay.has_checkpoint(link)]
        last = len(self.links) - 1
        self.ends = [-1, *kept] if kept and kept[-1] == last else [-1, *kept, last]
        if not kept:
            self.ends = [-1]

    def make(self, stretch: int) -> _Bad | None:
        """Make a stretch again; None when it is borne out, or lost."""
        begin, end = self.ends[stretch], self.ends[stretch + 1]
        replay = Replay(self.log, self.rules, self.links)
        if begin >= 0:
            replay.begin_at(self.links[begin])
        self.made += 1
        for done, link in enumerate(self.links[begin + 1 : end + 1], 1):
            step = replay.step(link)
            if step.version is None and not step.fault:
                self.lost = step.lost
                return None
            differences = differences_of(step)
            wrong = (step.lost, *step.wrong) if step.version is None else step.wrong
            if differences or wrong:
                return (Differing(link.name, differences) if differences else None), wrong
            self.on_step(done, end - begin)
        return None


@dataclass(frozen=True)
class Parting:
    """Where two copies of a ledger part.

    Attributes:
        compared: hashes that were compared.
        here, there: the first entries that differ.
        here_differs, there_differs: what of each the log here does not bear out.
    """

    compared: int
    here: Link
    there: Link
    here_differs: Differing | None = None
    there_differs: Differing | None = None


def bisect_copies(
    log: AuditLog,
    other: AuditLog,
    rules: KnownRules,
    on_step: Callable[[int, int], None] = lambda *_: None,
) -> Parting | None:
    """Find the first entry in which two copies of a ledger differ, and make it again.

    Returns:
        None when one copy goes on where the other ends, or both are equal.

    Raises:
        ServiceError: the version where they part can no longer be made again.
    """
    here, there = read_chain(log.ledger).links, read_chain(other.ledger).links
    low, high, compared = 0, min(len(here), len(there)), 0
    while low < high:
        middle = (low + high) // 2
        compared += 1
        if here[middle].hash == there[middle].hash:
            low = middle + 1
        else:
            high = middle
    if low == min(len(here), len(there)):
        return None
    mine, theirs = here[low], there[low]
    return Parting(
        compared,
        mine,
        theirs,
        _judge(log, here, low, rules, on_step),
        _judge(log, [*here[:low], theirs], low, rules, on_step),
    )


def _judge(
    log: AuditLog,
    links: Sequence[Link],
    index: int,
    rules: KnownRules,
    on_step: Callable[[int, int], None],
) -> Differing | None:
    link = links[index]
    wanted = needed(links, {link.entry.domain}, index)
    replay = Replay(log, rules, wanted)
    begin = -1
    for before in reversed(links[:index]):
        if before.entry.checkpoint and replay.begin_at(before):
            begin = before.index
            break
    step = None
    for done, one in enumerate(wanted, 1):
        if one.index > begin:
            step = replay.step(one)
        on_step(done, len(wanted))
    if step is None or step.version is None:
        raise cannot_make(link.name, step.lost if step else "its entry is missing")
    differences = differences_of(step)
    return Differing(link.name, differences) if differences else None
