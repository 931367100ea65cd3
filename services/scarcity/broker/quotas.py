"""Kafka's limits of users, by its protocol: neither client library offers them.

Schemas of AlterClientQuotas and DescribeClientQuotas, version 0: https://kafka.apache.org/protocol
"""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import NoError, for_code
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from scarcity.broker.asking import ask
from scarcity.broker.errors import kafka_errors
from scarcity.broker.settings import KafkaSettings

USER: Final = "user"
ANY_NAME: Final = 2  # of DescribeClientQuotas: users that have limits of their own
_ENTITY: Final = Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))


class AlterClientQuotasResponse_v0(Response):  # type: ignore[misc]  # noqa: N801  # aiokafka's way
    """What became of each user."""

    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", _ENTITY),
            ),
        ),
    )


class AlterClientQuotasRequest_v0(RequestStruct):  # type: ignore[misc]  # noqa: N801
    """Limits of users, to set or to remove."""

    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = AlterClientQuotasResponse_v0
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", _ENTITY),
                (
                    "ops",
                    Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean)),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterClientQuotasRequest(Request[AlterClientQuotasRequest_v0]):  # type: ignore[misc]
    """Builds the request for the broker's version."""

    API_KEY = 49

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: Any) -> Any:
        """The request itself."""
        return request_struct_class(self._entries, False)


async def read_quotas(settings: KafkaSettings) -> dict[str, dict[str, float]]:
    """Limits of users by name; users without one are left out.

    Raises:
        BrokerError: the broker refused or does not answer.
    """
    answer = await ask(
        settings, DescribeClientQuotasRequest([(USER, ANY_NAME, None)], True), "list quotas"
    )
    with kafka_errors("list quotas"):
        _check(answer.error_code, answer.error_message)
    return {
        name: dict(values) for entity, values in answer.entries or [] for _, name in entity if name
    }


async def alter_quotas(
    settings: KafkaSettings, changes: Mapping[str, Mapping[str, float | None]]
) -> None:
    """Set limits of users by name; None takes one away.

    Raises:
        BrokerError: the broker refused or does not answer.
    """
    entries = [
        (
            [(USER, user)],
            [(key, value or 0.0, value is None) for key, value in sorted(limits.items())],
        )
        for user, limits in sorted(changes.items())
    ]
    answer = await ask(settings, AlterClientQuotasRequest(entries), "change quotas")
    with kafka_errors("change quotas"):
        for code, message, _entity in answer.entries:
            _check(code, message)


def _check(code: int, message: str | None) -> None:
    kind = for_code(code)
    if kind is not NoError:
        raise kind(message or "")
