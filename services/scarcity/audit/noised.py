"""A version of a domain in privacy mode `dp`, made again with the noise that it was made with."""

from collections.abc import Mapping, Sequence

from scarcity.audit.steps import LostError
from scarcity.events.dp_rules import DpRound
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import LedgerEntry
from scarcity.learning.online_maml import DomainState, FamilyState, OnlineMAMLEngine
from scarcity.meta.noised_versions import next_noised_version
from scarcity.meta.pending import Heard
from scarcity.meta.recompute import Version, inputs_of


def noised_again(
    entry: LedgerEntry,
    dp: DpRound,
    engine: OnlineMAMLEngine,
    before: DomainState,
    family: FamilyState,
    heard: Sequence[Heard],
    keys: Mapping[str, bytes],
) -> Version:
    """Make the version of an entry again.

    Args:
        heard: insights that count. When they are not all that the entry names, the noise is
            another one: else the difference would be the client that was left out.
        keys: of the domains' noise.

    Raises:
        LostError: the key is not there, or (a fault) not the one that the ledger commits to.
    """
    key, (_, inputs_hash) = keys.get(entry.domain, b""), inputs_of(heard)
    insights = [one.insight for one in heard]
    try:
        return next_noised_version(
            engine, entry.domain, before, family, insights, dp, key, inputs_hash
        )
    except EventError as error:
        raise LostError(str(error), fault=bool(key)) from None
