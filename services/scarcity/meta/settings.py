"""What an operator may set for the meta-learner; read once, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import InputError
from scarcity.learning.online_maml import LearningSettings

MODE_KEY: Final = "SCARCITY_META_MODE"
RATE_KEY: Final = "SCARCITY_META_RATE"
GATE_KEY: Final = "SCARCITY_META_GATE"


@dataclass(frozen=True)
class MetaSettings:
    """Settings of the meta-learner. All workers of a cluster must have the same, or the rules
    change with the worker that writes; the ledger names them by their hash.

    Attributes:
        learning: the engine's rules.
    """

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "MetaSettings":
        """Read SCARCITY_BOOTSTRAP_SERVERS and the keys above; missing or empty: the default.

        Raises:
            InputError: a value is wrong; the message names its key.

        >>> MetaSettings.from_environment({"SCARCITY_META_MODE": "stream"}).learning.mode
        'stream'
        """
        default = LearningSettings()
        mode = environ.get(MODE_KEY) or default.mode
        if mode not in ("sync", "stream"):
            raise InputError(f"{MODE_KEY}={mode!r} is unknown; one of: sync, stream")
        gate = environ.get(GATE_KEY) or "on"
        if gate not in ("on", "off"):
            raise InputError(f"{GATE_KEY}={gate!r} is unknown; one of: on, off")
        stepped = default.rate if mode == "sync" else default.stream_rate
        rate = _rate(environ.get(RATE_KEY) or str(stepped))
        learning = LearningSettings(
            mode="sync" if mode == "sync" else "stream",
            rate=rate if mode == "sync" else default.rate,
            stream_rate=rate if mode == "stream" else default.stream_rate,
            gate=gate == "on",
        )
        return cls(KafkaSettings.from_environment(environ), learning)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise InputError(f"{RATE_KEY}={text!r} is no number, e.g. 0.02") from None
    if not (isfinite(rate) and 0 < rate <= 1):
        raise InputError(f"{RATE_KEY}={text} must lie in (0, 1]")
    return rate
