"""The errors of scarcity.

ScarcityError
├── EventError            the sender's fault: the record is parked in `dead-letters`
│   ├── InsightError      an insight that does not meet its contract
│   └── SignatureError    a record whose sender is not who it says, or may not speak any more
├── ServiceError          ours or the operator's: the process stops before it commits
│   └── BrokerError       the broker refused or cannot be reached
└── InputError            a file or an option a person gave: one line, exit code 2
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a record was parked; the `dl_reason` header and a metric's label (a closed set)."""

    TOO_LARGE = "too-large"
    EMPTY = "empty"
    MALFORMED = "malformed"
    SCHEMA_VERSION = "schema-version"
    WRONG_DOMAIN = "wrong-domain"
    WRONG_KEY = "wrong-key"
    SIGNATURE = "signature"
    NOT_FINITE = "not-finite"
    OUT_OF_BOUNDS = "out-of-bounds"
    UNKNOWN_EXPERT = "unknown-expert"
    BAD_SLOPES = "bad-slopes"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    REPLAYED = "replayed"
    WRONG_PARTITION = "wrong-partition"
    EPSILON = "epsilon"


class ScarcityError(Exception):
    """Base of all errors that scarcity raises on purpose."""


class EventError(ScarcityError):
    """A record breaks its contract; carries the reason under which it is parked."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InsightError(EventError):
    """An insight breaks its contract."""


class SignatureError(EventError):
    """A record's sender is not who it says, or may not speak (any more)."""


class ServiceError(ScarcityError):
    """This side cannot go on; the message ends with what the operator should do."""


class BrokerError(ServiceError):
    """The broker refused, or cannot be reached."""


class InputError(ScarcityError):
    """A file or an option that a person gave is wrong; names file, line or column."""
