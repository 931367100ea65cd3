"""How a reader tells its progress: the number of events it has done, one line every 50 ms."""

import sys
import threading
from collections.abc import Callable
from time import sleep

PERIOD_S = 0.05


def tell(done: Callable[[], int]) -> None:
    """Print ``done()`` from a thread of its own until the process ends."""

    def forever() -> None:
        while True:
            print(done(), file=sys.__stdout__, flush=True)
            sleep(PERIOD_S)

    threading.Thread(target=forever, daemon=True).start()


class Arguments:
    """What every reader is told: bootstrap servers, topic, partitions, directory for its state."""

    def __init__(self) -> None:
        self.bootstrap_servers, self.topic, partitions, self.directory = sys.argv[1:5]
        self.partitions = int(partitions)


class Counter:
    """Events done."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> int:
        return self.done
