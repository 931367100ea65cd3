"""Which learning rules made a version: the ledger holds their hash, an audit knows them by it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from scarcity.broker.yaml_place import read_plain
from scarcity.events.errors import InputError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.learning.online_maml import LearningSettings, OnlineMAMLEngine


class KnownRules:
    """Engines by the hash of their settings; the defaults of both modes are always known.

    >>> KnownRules().engine(LearningSettings(mode="stream").hash()) is not None
    True
    """

    def __init__(self, settings: Iterable[LearningSettings] = ()) -> None:
        known = (LearningSettings(), LearningSettings(mode="stream"), *settings)
        self.settings = tuple({one.hash(): one for one in known}.values())
        self._engines = {one.hash(): OnlineMAMLEngine(one) for one in self.settings}

    def engine(self, settings_hash: str) -> OnlineMAMLEngine | None:
        """The engine of that hash; None when its settings are not known."""
        return self._engines.get(settings_hash)


class PolicyFile(msgspec.Struct, forbid_unknown_fields=True):
    """What `counterfactual --policy FILE` changes; YAML or JSON.

    Attributes:
        round: when rounds close, in place of every domain's own policy.
        learning: fields of LearningSettings that differ from the defaults.
    """

    round: RoundPolicy | None = None
    learning: dict[str, Any] = {}


def read_policy(path: Path) -> tuple[RoundPolicy | None, LearningSettings | None]:
    """Read a policy file.

    Raises:
        InputError: the file cannot be read, or names something unknown.
    """
    try:
        policy = msgspec.convert(_content(path), PolicyFile)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}") from None
    if policy.round is None and not policy.learning:
        raise InputError(f"{path}: changes nothing; give `round:` or `learning:`")
    return policy.round, _settings(path, policy.learning) if policy.learning else None


def read_settings(path: Path) -> LearningSettings:
    """Read the learning settings of a meta-learner; fields that are left out have their default.

    Raises:
        InputError: the file cannot be read, or names something unknown.
    """
    fields = _content(path)
    if not isinstance(fields, dict):
        raise InputError(f"{path}: want a mapping of learning settings")
    return _settings(path, fields)


def _content(path: Path) -> Any:
    return next(iter(read_plain(path)), None)


def _settings(path: Path, fields: dict[str, Any]) -> LearningSettings:
    unknown = sorted(map(str, fields.keys() - LearningSettings.__dataclass_fields__.keys()))
    if unknown:
        known = ", ".join(LearningSettings.__dataclass_fields__)
        raise InputError(f"{path}: learning setting {unknown[0]!r} is unknown; one of: {known}")
    try:
        return msgspec.convert(fields, LearningSettings)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}") from None
