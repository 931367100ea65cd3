"""Every so many versions the states go to `checkpoints`, and their hash into the ledger.

Without them an audit begins at the first version, and can say nothing once retention has taken the
first insights. docs/decisions/0008-checkpoints.md.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from scarcity.events.checkpoint import Checkpoint
from scarcity.events.codec import encode_msgpack
from scarcity.events.headers import MSGPACK_TYPE, event_headers
from scarcity.events.meta_state import MetaState
from scarcity.events.topics import CHECKPOINTS
from scarcity.events.types import Outgoing
from scarcity.learning.online_maml import DomainState, FamilyState
from scarcity.meta.quarantine import Watch
from scarcity.meta.state_codec import encode_family, learned_domain

DEFAULT_VERSIONS: Final = 100


def is_due(versions: int, entries_since: int, domains: int) -> bool:
    """Whether the next entry comes with a checkpoint.

    Args:
        versions: a domain between two checkpoints, on average; 0: never.
        entries_since: ledger entries since the last checkpoint, with the next one.

    >>> is_due(100, 199, 2), is_due(100, 200, 2), is_due(0, 10**6, 1)
    (False, True, False)
    """
    return versions > 0 and entries_since >= versions * max(1, domains)


def snapshot(
    domains: Mapping[str, tuple[str, DomainState, Watch]], families: Mapping[str, FamilyState]
) -> list[MetaState]:
    """Everything that a replay makes again; ``domains``: family, state and watch by name."""
    learned = [learned_domain(name, *domain) for name, domain in sorted(domains.items())]
    return learned + [encode_family(name, state) for name, state in sorted(families.items())]


def checkpoint_records(
    states: Iterable[MetaState], ledger_length: int, *, source: str, at_ms: int
) -> list[Outgoing]:
    """A record a state."""
    listed = list(states)
    return [
        Outgoing(
            CHECKPOINTS,
            f"{ledger_length}/{state.key}".encode(),
            encode_msgpack(Checkpoint(ledger_length, len(listed), state)),
            event_headers(
                "Checkpoint",
                source=source,
                event_id=f"{ledger_length}/{state.key}",
                at_ms=at_ms,
                content_type=MSGPACK_TYPE,
            ),
        )
        for state in listed
    ]
