"""How well clients that never took part do with today's meta-parameters."""

import msgspec

from scarcity.events.codec import SCHEMA_VERSION


class Evaluation(msgspec.Struct, omit_defaults=True):
    """Topic `evaluations`, key domain, JSON. Errors: mean squared, target standardised.

    Attributes:
        clients: entities evaluated; none of them publishes insights.
        routed, uniform: ensemble of the adapted experts, by routing weights or all alike.
        own_ridge: the same entities' best without meta-parameters: ridge tuned on their own rows.
        own_mean: the mean of their own support rows.
        expert_errors: error of each adapted expert; float [experts].
        routing: mean routing weight of each expert; float [experts].
    """

    domain: str
    version: int
    clients: int
    routed: float
    uniform: float
    own_ridge: float
    own_mean: float
    expert_errors: list[float] = []
    routing: list[float] = []
    written_at_ms: int = 0
    schema_version: str = SCHEMA_VERSION
