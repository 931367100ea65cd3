"""What an operator may set for the meta-learner; read once, from the environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from scarcity.broker.settings import KafkaSettings, read_number
from scarcity.events.errors import InputError
from scarcity.keys.files import read_signing_key, read_trusted_keys
from scarcity.keys.operators import read_operator_keys
from scarcity.keys.signing import PublicKey, SigningKey, TrustedKeys
from scarcity.learning.online_maml import LearningSettings
from scarcity.meta.checkpoints import DEFAULT_VERSIONS

K = TypeVar("K")
M = TypeVar("M")

MODE_KEY: Final = "SCARCITY_META_MODE"
RATE_KEY: Final = "SCARCITY_META_RATE"
GATE_KEY: Final = "SCARCITY_META_GATE"
SIGNING_KEY_KEY: Final = "SCARCITY_META_SIGNING_KEY"
OPERATOR_KEYS_KEY: Final = "SCARCITY_META_OPERATOR_KEYS"
CHECKPOINT_VERSIONS_KEY: Final = "SCARCITY_META_CHECKPOINT_VERSIONS"


@dataclass(frozen=True)
class MetaSettings:
    """Settings of the meta-learner. All workers of a cluster must have the same, or the rules
    change with the worker that writes; the ledger names them by their hash.

    Attributes:
        learning: the engine's rules.
        signing: the writer's key; None: ledger entries are not signed.
        operators: whose rulings are heeded; when no file is named for them, ``enrolling``.
        enrolling: operators whose clients may register; empty: whoever may write to the topic.
        checkpoint_versions: versions a domain between two checkpoints, on average; 0: none.
    """

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
    signing: SigningKey | None = None
    operators: TrustedKeys = field(default_factory=TrustedKeys)
    checkpoint_versions: int = DEFAULT_VERSIONS
    enrolling: tuple[PublicKey, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "MetaSettings":
        """Read SCARCITY_BOOTSTRAP_SERVERS and the keys above; missing or empty: the default.

        Raises:
            InputError: a value is wrong, or a key file; the message names its key.

        >>> MetaSettings.from_environment({"SCARCITY_META_MODE": "stream"}).learning.mode
        'stream'
        """
        enrolling = read_operator_keys(environ)
        return cls(
            KafkaSettings.from_environment(environ),
            read_learning(environ),
            _key_file(environ, SIGNING_KEY_KEY, read_signing_key, None),
            _key_file(environ, OPERATOR_KEYS_KEY, read_trusted_keys, TrustedKeys(enrolling)),
            read_number(environ, CHECKPOINT_VERSIONS_KEY, int, DEFAULT_VERSIONS, 0, 10**6),
            tuple(enrolling),
        )


def read_learning(environ: Mapping[str, str]) -> LearningSettings:
    """The engine's rules alone.

    Raises:
        InputError: a value is wrong; the message names its key.
    """
    default = LearningSettings()
    mode = environ.get(MODE_KEY) or default.mode
    if mode not in ("sync", "stream"):
        raise InputError(f"{MODE_KEY}={mode!r} is unknown; one of: sync, stream")
    gate = environ.get(GATE_KEY) or "on"
    if gate not in ("on", "off"):
        raise InputError(f"{GATE_KEY}={gate!r} is unknown; one of: on, off")
    stepped = default.rate if mode == "sync" else default.stream_rate
    rate = read_number(environ, RATE_KEY, float, stepped, 1e-9, 1.0)
    return LearningSettings(
        mode="sync" if mode == "sync" else "stream",
        rate=rate if mode == "sync" else default.rate,
        stream_rate=rate if mode == "stream" else default.stream_rate,
        gate=gate == "on",
    )


def _key_file(environ: Mapping[str, str], key: str, read: Callable[[Path], K], missing: M) -> K | M:
    path = environ.get(key)
    if not path:
        return missing
    try:
        return read(Path(path))
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
