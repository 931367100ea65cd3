"""The numbered steps of the meta worker, in the order in which they are done."""

from enum import Enum


class Step(Enum):
    """A step that has just been done; `meta/service.py` says what each is for.

    The tests end the process after each of them.
    """

    PRODUCER_STARTED = 1
    RESTORED = 2
    CAUGHT_UP = 3
    LEARNED = 4
    BEGUN = 5
    SENT = 6
    COMMITTED = 7
