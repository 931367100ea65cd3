"""The numbered steps of the memory worker, in the order in which they are done."""

from enum import Enum


class Step(Enum):
    """A step that has just been done; `memory/service.py` says what each is for.

    The tests end the process after each of them.
    """

    PRODUCER_STARTED = 1
    RESTORED = 2
    SOUGHT = 3
    FOLDED = 4
    BEGUN = 5
    SENT = 6
    OFFSETS_SENT = 7
    COMMITTED = 8
