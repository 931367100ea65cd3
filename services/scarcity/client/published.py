"""What a training step asks to be published."""

from dataclasses import dataclass, field

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.insight import Insight


@dataclass(frozen=True)
class Published:
    """What one training step asks to be published, in this order.

    Attributes:
        registrations: clients whose lease of the privacy budget rises first, and those whose limit
            is reached.
        insights: by client, at most one each.
        exhausted: clients that from this step on publish losses alone.
        silenced: clients that publish no further insight; they go on following.
    """

    registrations: list[ClientRegistered] = field(default_factory=list)
    insights: list[Insight] = field(default_factory=list)
    exhausted: list[str] = field(default_factory=list)
    silenced: list[str] = field(default_factory=list)
