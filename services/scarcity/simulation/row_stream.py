"""Rows that come to clients one by one; each client holds the last few."""

from collections.abc import Mapping

import numpy as np

from scarcity.client.table import Rows
from scarcity.events.errors import InputError


class RowStream:
    """Streams of a domain's clients; they move on together.

    A client's rows, in their order, are its stream. It begins with the first ``window`` of them.

    Args:
        rows: of each client, not standardised; clients without a row beyond the window are left
            out.

    Raises:
        InputError: all are left out.
    """

    def __init__(self, domain: str, rows: Mapping[str, Rows], window: int) -> None:
        self._streams = {name: own for name, own in rows.items() if len(own) > window}
        if not self._streams:
            raise InputError(
                f"domain {domain!r}: its stream's window is {window}, and no client has more rows"
            )
        self._window = window
        self._next = dict.fromkeys(self._streams, window)

    def held(self) -> dict[str, Rows]:
        """The last rows of each client, oldest first.

        >>> column = np.arange(5.0)
        >>> stream = RowStream("shop", {"a": Rows(column[:, None], column)}, 2)
        >>> stream.advance()
        >>> stream.held()["a"].y.tolist(), stream.coming()["a"].y.tolist()
        ([1.0, 2.0], [3.0])
        """
        return {
            name: _part(own, self._next[name] - self._window, self._next[name])
            for name, own in self._streams.items()
        }

    def coming(self) -> dict[str, Rows]:
        """The next row of each client that has one left."""
        return {
            name: _part(own, self._next[name], self._next[name] + 1)
            for name, own in self._streams.items()
            if self._next[name] < len(own)
        }

    def advance(self) -> None:
        """Hold the next row, and forget the oldest."""
        for name in self.coming():
            self._next[name] += 1

    def turn(self, rows: Mapping[str, Rows]) -> None:
        """Let what comes from now on be ``rows``; what is held stays until it is displaced."""
        held = self.held()
        self._streams = {
            name: Rows(np.concatenate([own.x, rows[name].x]), np.concatenate([own.y, rows[name].y]))
            for name, own in held.items()
        }
        self._next = dict.fromkeys(self._streams, self._window)


def _part(rows: Rows, start: int, end: int) -> Rows:
    return Rows(rows.x[start:end], rows.y[start:end])
