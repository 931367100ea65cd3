"""A memory with signatures required, folding a log by hand."""

from tests.memory.signing import LIMITS

from scarcity.events.codec import decode_json
from scarcity.events.credential import Credential
from scarcity.events.topics import CREDENTIALS
from scarcity.events.types import Outgoing, Position, Record
from scarcity.memory.global_memory import GlobalMemory


class Folding:
    """A memory with signatures required, and what its compacted topics hold."""

    def __init__(self, max_insights: int = 10, partitions: int | None = None) -> None:
        self._shape = (max_insights, partitions)
        self.memory = self._new()
        self.kept: dict[tuple[str, bytes], Outgoing] = {}
        self.parked: list[Outgoing] = []

    def _new(self) -> GlobalMemory:
        most, partitions = self._shape
        return GlobalMemory(most, partitions=partitions, limits=LIMITS)

    def fold(self, *records: Record) -> "Folding":
        result = self.memory.fold(records)
        for out in [*result.changed, *result.credentials]:
            self.kept[out.topic, out.key or b""] = out
        self.parked += result.dead_letters
        return self

    def restart(self) -> "Folding":
        """Go on from the compacted topics in a new process."""
        self.memory = self._new()
        self.memory.restore(
            Record(Position(out.topic, out.partition or 0, n), out.key, out.value, 0)
            for n, out in enumerate(self.kept.values())
            if out.value is not None
        )
        return self

    def credential(self, client: str = "shop-1") -> Credential | None:
        out = self.kept.get((CREDENTIALS, f"retail/{client}".encode()))
        return None if out is None or out.value is None else decode_json(out.value, Credential)

    @property
    def reasons(self) -> list[str]:
        return [dict(out.headers)["dl_reason"].decode() for out in self.parked]

    @property
    def why(self) -> str:
        return dict(self.parked[-1].headers)["dl_message"].decode()

    def accepted(self, client: str = "shop-1") -> int:
        found = self.memory.client(client)
        return 0 if found is None else found.accepted
