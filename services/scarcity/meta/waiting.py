"""Says which domains stand still: once when one does, once more when it goes on."""

from collections.abc import Mapping

from scarcity.meta.rounds import Wait

PATIENCE_MS = 5_000  # every round is below its minimum for a moment; that is not worth a line


class WaitReport:
    """Turns what :attr:`MetaCoordinator.waits` shows from look to look into lines for the log."""

    def __init__(self) -> None:
        self._since_ms: dict[str, int] = {}
        self._told: dict[str, str] = {}

    def lines(self, waits: Mapping[str, Wait], now_ms: int) -> list[str]:
        """New lines: domains that have stood still for a while, for a reason not told yet."""
        stalled = {name: wait.reason for name, wait in waits.items() if wait.stalled}
        lines = [f"domain {name} goes on" for name in sorted(self._told.keys() - stalled.keys())]
        self._told = {name: told for name, told in self._told.items() if name in stalled}
        self._since_ms = {name: self._since_ms.get(name, now_ms) for name in stalled}
        for name, reason in sorted(stalled.items()):
            if now_ms - self._since_ms[name] >= PATIENCE_MS and self._told.get(name) != reason:
                self._told[name] = reason
                lines.append(f"domain {name} {reason}")
        return lines
