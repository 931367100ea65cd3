"""An insight: all that a client says of its data. Losses, counts and slopes; never a row."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION


class ExpertInsight(msgspec.Struct, omit_defaults=True):
    """What one expert of a client learned.

    Attributes:
        loss: mean squared error on the query rows after adaptation; standardised units.
        samples: rows behind the loss.
        previous_loss: the same under the previous meta-version, on the same split.
        slopes: int64 [m + 1], units of 2**-24 loss per unit of z; m as the domain's profile says,
            the same of every expert; see learning/directions.py.
        candidate_losses: loss under each starting point a new domain tries, by candidate name.
    """

    loss: float
    samples: int
    previous_loss: float | None = None
    slopes: list[int] | None = None
    candidate_losses: dict[str, float] | None = None


class Insight(msgspec.Struct, omit_defaults=True):
    """Topic `insights.<domain>`, key client_id, JSON.

    Attributes:
        sequence: rises by one an insight of a client; None: the sender does not number them.
        meta_version: version of the meta-parameters the client started from.
        epsilon: with local noise, what the client has spent, this insight included.
        created_at: unix time of the sender, seconds; shown, never used in a decision.
    """

    client_id: str
    expert_insights: dict[str, ExpertInsight]
    avg_loss: float
    total_samples: int
    domain: str
    sequence: int | None = None
    meta_version: int | None = None
    created_at: float | None = None
    epsilon: float | None = None
    schema_version: str = SCHEMA_VERSION
